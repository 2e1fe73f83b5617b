// A span about each call of `guard.run`. A rejection is an event on it and no error: it is what the limiter is for.

import { type ObservedCall, type PeerId, type RateLimiter, RpcRejection } from '../index.js';

/** OpenTelemetry's codes. */
const INTERNAL = 0;
const ERROR = 2;

type Attributes = Record<string, string | number>;

/** What is used of OpenTelemetry's `Span`. */
export interface TelemetrySpan {
  addEvent(name: string, attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  recordException(error: Error): void;
  end(): void;
}

/** What is used of OpenTelemetry's `Tracer`. */
export interface TelemetryTracer {
  startActiveSpan<Result>(
    name: string,
    options: { kind: number; attributes: Attributes },
    act: (span: TelemetrySpan) => Result,
  ): Result;
}

/** Traces the guard's calls. Returns a function that ends it. */
export function traceCalls(
  limiter: RateLimiter,
  tracer: TelemetryTracer,
  name: string,
  peerAttribute: ((id: string) => string) | undefined,
): () => void {
  return limiter.aroundCalls((call, run) => {
    const attributes: Attributes = { 'peergate.limiter': name };
    if (peerAttribute !== undefined) attributes['peergate.peer'] = peerAttribute(textOf(call.peer));
    return tracer.startActiveSpan('peergate.call', { kind: INTERNAL, attributes }, async (span) => {
      try {
        return await run();
      } catch (error) {
        note(span, call, error);
        throw error;
      } finally {
        span.end();
      }
    });
  });
}

function note(span: TelemetrySpan, { signal }: ObservedCall, error: unknown): void {
  if (error instanceof RpcRejection) {
    const { reason, retryAfterMs } = error.data;
    const wait = retryAfterMs === null ? {} : { 'peergate.retry_after_ms': retryAfterMs };
    span.addEvent('peergate.rejected', { 'peergate.decision': reason, ...wait });
    return;
  }
  // Whoever gives a call up has not seen it fail.
  if (signal?.aborted && error === signal.reason) return;
  const thrown = error instanceof Error ? error : new Error(String(error));
  span.recordException(thrown);
  span.setStatus({ code: ERROR, message: thrown.message });
}

/** An ID as text: bytes are written in hexadecimal. */
export function textOf(id: PeerId): string {
  if (typeof id === 'string') return id;
  return `0x${Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
