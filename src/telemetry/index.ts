// The entry `peergate/telemetry`: a limiter's metrics, spans, logs and diagnostics channels. OpenTelemetry's API and loggers
// are taken by their structure and not imported.

import { ConfigError, type LimiterEvent, type OnRejection, type RateLimiter, requireKnownFields } from '../index.js';
import { type Publisher, publishCalls, publisher } from './channels.js';
import { runAll } from './harmless.js';
import { Logs, type TelemetryLogger } from './logs.js';
import { meterLimiter, type TelemetryMeter } from './metrics.js';
import { type TelemetryTracer, traceCalls } from './spans.js';

export type { TelemetryLogger } from './logs.js';
export type { TelemetryMeter } from './metrics.js';
export type { TelemetrySpan, TelemetryTracer } from './spans.js';

export interface ObserveOptions {
  /** What tells the limiter from others: `peergate.limiter`. Default `default`. */
  readonly name?: string | undefined;
  /** OpenTelemetry's meter, for metrics. */
  readonly meter?: TelemetryMeter | undefined;
  /** OpenTelemetry's tracer, for a span about each call of `guard.run`. */
  readonly tracer?: TelemetryTracer | undefined;
  /** pino, or any logger that takes `(fields, message)`. */
  readonly logger?: TelemetryLogger | undefined;
  /** How often the same is logged of the same peer, and how often the busiest peers are; 0 < x ≤ 2³¹ − 1. Default 60 000. */
  readonly logEveryMs?: number | undefined;
  /** How many peers are logged at the level `debug`, an integer from 1 to 1 000. Default 10. */
  readonly topK?: number | undefined;
  /** Of a shared table: whether events of the other threads are logged and published too. Default false. */
  readonly allThreads?: boolean | undefined;
  /** Makes the attribute `peergate.peer` of spans. Without it no span says who called. */
  readonly peerAttribute?: ((id: string) => string) | undefined;
}

export interface Observer {
  /** Ends it, and logs what was left out so far. A second call does nothing. */
  close(): void;
}

const NAMES = ['name', 'meter', 'tracer', 'logger', 'logEveryMs', 'topK', 'allThreads', 'peerAttribute'];
const METER_METHODS = [
  'createObservableCounter',
  'createObservableUpDownCounter',
  'createObservableGauge',
  'addBatchObservableCallback',
  'removeBatchObservableCallback',
];
const LONGEST_MS = 2 ** 31 - 1;
const MOST_PEERS = 1_000;

/**
 * Shows what a limiter does: metrics for `meter`, spans for `tracer`, log lines for `logger`, and events on Node's diagnostics
 * channels. An allowed check costs the same as without.
 *
 * @throws ConfigError for an unknown option or a bad one, before anything begins.
 *
 * @example
 * const observer = observe(limiter, { name: 'rpc', meter: metrics.getMeter('my-service'), logger: pino() });
 */
export function observe(limiter: RateLimiter, options: ObserveOptions = {}): Observer {
  requireKnownFields(options, NAMES);
  const {
    name = 'default',
    meter,
    tracer,
    logger,
    logEveryMs = 60_000,
    topK = 10,
    allThreads,
    peerAttribute,
  } = options;
  if (typeof limiter?.subscribe !== 'function') throw new ConfigError('limiter', 'a RateLimiter', limiter);
  if (typeof name !== 'string' || name === '') throw new ConfigError('name', 'a name', name);
  requireMethods('meter', meter, METER_METHODS, 'a Meter');
  requireMethods('tracer', tracer, ['startActiveSpan'], 'a Tracer');
  requireMethods('logger', logger, ['warn', 'info', 'debug'], 'a logger with warn, info and debug');
  if (logger?.isLevelEnabled !== undefined) {
    requireMethods('logger', logger, ['isLevelEnabled'], 'a logger whose isLevelEnabled is a function');
  }
  if (!(typeof logEveryMs === 'number' && logEveryMs > 0 && logEveryMs <= LONGEST_MS)) {
    throw new ConfigError('logEveryMs', `more than 0 and at most ${LONGEST_MS}`, logEveryMs);
  }
  if (!Number.isInteger(topK) || topK < 1 || topK > MOST_PEERS) {
    throw new ConfigError('topK', `an integer from 1 to ${MOST_PEERS}`, topK);
  }
  if (allThreads !== undefined && typeof allThreads !== 'boolean') {
    throw new ConfigError('allThreads', 'a boolean', allThreads);
  }
  if (peerAttribute !== undefined && typeof peerAttribute !== 'function') {
    throw new ConfigError('peerAttribute', 'a function', peerAttribute);
  }

  const endings: (() => void)[] = [];
  const close = () => runAll(endings.splice(0));
  try {
    const publish = publisher(name);
    const logs = logger && new Logs(limiter, logger, { logEveryMs, topK });
    // One for both: in a flood each listener more would be felt.
    if (publish !== undefined || logs !== undefined) endings.push(listen(limiter, publish, logs, allThreads));
    if (logs !== undefined) {
      logs.begin();
      endings.push(() => logs.close());
    }
    endings.push(publishCalls(limiter, name));
    if (meter !== undefined) endings.push(meterLimiter(limiter, meter, name));
    if (tracer !== undefined) endings.push(traceCalls(limiter, tracer, name, peerAttribute));
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

function listen(
  limiter: RateLimiter,
  publish: Publisher | undefined,
  logs: Logs | undefined,
  allThreads: boolean | undefined,
): () => void {
  const listener = (event: LimiterEvent) => {
    publish?.tell(event);
    logs?.tell(event);
  };
  const onRejection: OnRejection = (peer, decision, time, row) => {
    publish?.rejected(peer, decision, time);
    logs?.rejected(peer, decision, time, row);
  };
  return limiter.subscribe(listener, { allThreads, onRejection });
}

function requireMethods(option: string, value: unknown, methods: readonly string[], expected: string): void {
  if (value === undefined) return;
  const given = value as Record<string, unknown> | null;
  if (methods.every((method) => typeof given?.[method] === 'function')) return;
  throw new ConfigError(option, expected, value);
}
