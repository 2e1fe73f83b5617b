// Node's diagnostics channels, for tools that watch a process without being wired up. Where the runtime has none, there are
// none; and where nobody has subscribed, nothing is made.

import {
  type Decision,
  type LimiterEvent,
  type ObservedCall,
  type PeerId,
  type RateLimiter,
  reasonOf,
  retryAfterMs,
} from '../index.js';

interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

interface TracingChannel {
  readonly start: Channel;
  readonly end: Channel;
  readonly asyncStart: Channel;
  readonly asyncEnd: Channel;
  readonly error: Channel;
  tracePromise<T>(act: () => Promise<T>, message: object): Promise<T>;
}

interface DiagnosticsChannel {
  channel(name: string): Channel;
  tracingChannel?(name: string): TracingChannel;
}

/** The module, if this runtime has it. Importing it would keep this one from being loaded elsewhere. */
function diagnosticsChannel(): DiagnosticsChannel | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.('node:diagnostics_channel') as DiagnosticsChannel | undefined;
}

/** Publishes a limiter's events. */
export interface Publisher {
  /** All but rejections. */
  tell(event: LimiterEvent): void;
  rejected(peer: PeerId, decision: Decision, time: number): void;
}

/** Undefined where there are no channels. */
export function publisher(name: string): Publisher | undefined {
  const diagnostics = diagnosticsChannel();
  if (diagnostics === undefined) return undefined;
  const reject = diagnostics.channel('peergate:reject');
  const breaker = diagnostics.channel('peergate:breaker');
  const reclaim = diagnostics.channel('peergate:reclaim');
  return {
    tell(event) {
      const channel = event.kind === 'circuit' || event.kind === 'held_back' ? breaker : reclaim;
      if (channel.hasSubscribers) channel.publish({ ...event, limiter: name });
    },
    rejected(peer, decision, time) {
      if (!reject.hasSubscribers) return;
      const event = { kind: 'rejected', peer: typeof peer === 'string' ? peer : peer.slice() };
      reject.publish({
        ...event,
        ...{ reason: reasonOf(decision), retryAfterMs: retryAfterMs(decision), time, limiter: name },
      });
    },
  };
}

/** Publishes the guard's calls on the tracing channel `peergate.call`. Returns a function that ends it. */
export function publishCalls(limiter: RateLimiter, name: string): () => void {
  const tracing = diagnosticsChannel()?.tracingChannel?.('peergate.call');
  if (tracing === undefined) return () => {};
  const channels = [tracing.start, tracing.end, tracing.asyncStart, tracing.asyncEnd, tracing.error];
  return limiter.aroundCalls(<T>({ peer }: ObservedCall, run: () => Promise<T>) =>
    channels.some(({ hasSubscribers }) => hasSubscribers) ? tracing.tracePromise(run, { limiter: name, peer }) : run(),
  );
}
