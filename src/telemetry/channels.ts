// Node's diagnostics channels, for tools that watch a process without being wired up. Where the runtime has none, there are
// none; and where nobody has subscribed, nothing is made.

import type { EventKind, LimiterEvent, ObservedCall, RateLimiter } from '../index.js';

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

const CHANNELS: Readonly<Record<EventKind, 'reject' | 'breaker' | 'reclaim'>> = {
  rejected: 'reject',
  circuit: 'breaker',
  held_back: 'breaker',
  reclaimed: 'reclaim',
  table_full: 'reclaim',
};

/** The module, if this runtime has it. Importing it would keep this one from being loaded elsewhere. */
function diagnosticsChannel(): DiagnosticsChannel | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.('node:diagnostics_channel') as DiagnosticsChannel | undefined;
}

/** Publishes a limiter's events; undefined where there are no channels. */
export function publisher(name: string): ((event: LimiterEvent) => void) | undefined {
  const diagnostics = diagnosticsChannel();
  if (diagnostics === undefined) return undefined;
  const channels = {
    reject: diagnostics.channel('peergate:reject'),
    breaker: diagnostics.channel('peergate:breaker'),
    reclaim: diagnostics.channel('peergate:reclaim'),
  };
  return (event) => {
    const channel = channels[CHANNELS[event.kind]];
    if (channel.hasSubscribers) channel.publish({ ...event, limiter: name });
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
