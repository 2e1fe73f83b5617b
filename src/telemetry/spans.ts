// A span about each call of `guard.run`. A rejection is an event on it and no error: it is what the limiter is for.

import { type ObservedCall, type PeerId, type RateLimiter, RpcRejection } from '../index.js';
import { harmless } from './harmless.js';

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
  return limiter.aroundCalls(<T>(call: ObservedCall, run: () => Promise<T>) => {
    const attributes: Attributes = { 'peergate.limiter': name };
    let running: Promise<T> | undefined;
    // A call goes on as it would have, whatever the tracer or the attribute's function does.
    harmless(() => {
      if (peerAttribute !== undefined) attributes['peergate.peer'] = String(peerAttribute(textOf(call.peer)));
    });
    harmless(() => {
      tracer.startActiveSpan('peergate.call', { kind: INTERNAL, attributes }, (span) => {
        running = within(span, call, run);
        return running;
      });
    });
    return running ?? run();
  });
}

async function within<T>(span: TelemetrySpan, call: ObservedCall, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    try {
      note(span, call, error);
    } catch {
      // A handler may throw anything, even what throws when it is looked at.
    }
    throw error;
  } finally {
    harmless(() => span.end());
  }
}

function note(span: TelemetrySpan, { signal }: ObservedCall, error: unknown): void {
  if (error instanceof RpcRejection) {
    const { reason, retryAfterMs } = error.data;
    const wait = retryAfterMs === null ? {} : { 'peergate.retry_after_ms': retryAfterMs };
    harmless(() => span.addEvent('peergate.rejected', { 'peergate.decision': reason, ...wait }));
    return;
  }
  // Whoever gives a call up has not seen it fail.
  if (signal?.aborted && error === signal.reason) return;
  const thrown = readable(error);
  harmless(() => span.recordException(thrown));
  harmless(() => span.setStatus({ code: ERROR, message: thrown.message }));
}

/** What was thrown, as an error that can be read. */
function readable(thrown: unknown): Error {
  try {
    if (!(thrown instanceof Error)) return new Error(String(thrown));
    void [thrown.name, thrown.message, thrown.stack, (thrown as { code?: unknown }).code];
    return thrown;
  } catch {
    return new Error('something that cannot be shown');
  }
}

/** An ID as text: bytes are written in hexadecimal. */
export function textOf(id: PeerId): string {
  if (typeof id === 'string') return id;
  return `0x${Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
