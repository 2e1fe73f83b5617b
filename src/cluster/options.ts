// What `new ClusterSync` takes.

import { ConfigError, RateLimiter, requireKnownFields } from '../index.js';
import type { ClusterTransport } from './transport.js';

/** What `ClusterSync` takes besides the limiter. */
export interface ClusterOptions {
  /** The way to the engine: `fromIovalkey`, `fromIoredis`, `fromNodeRedis`, or your own. */
  readonly transport: ClusterTransport;
  /** How many limiters a peer's requests can reach: processes, or shared tables; 1 … 1 048 575. */
  readonly nodes: number;
  /** What the engine's keys begin with; 1 … 64 letters, digits, `_`, `.`, `:` or `-`. Default `peergate`. */
  readonly namespace?: string | undefined;
  /**
   * Hides peer IDs from who can read the engine; 1 … 1 024 bytes, the same on all nodes. Default: the namespace's bytes, which
   * hide nothing from who can guess IDs.
   */
  readonly secret?: Uint8Array | undefined;
  /**
   * Tokens that a peer may be given here before they are paid for; 1 … burst. All nodes together give at most `nodes` times
   * as much too many. Default: half of the burst divided by `nodes`, at least 1.
   */
  readonly credit?: number | undefined;
  /** How often small debts are paid, in ms; 1 … 60 000. Default 200. */
  readonly intervalMs?: number | undefined;
  /**
   * What holds while the engine cannot be reached. `share`: this node's part of the limits; `local`: all of them, and what was
   * too much is paid back afterwards; `closed`: nobody is let through. Default `share`.
   */
  readonly outage?: 'share' | 'local' | 'closed' | undefined;
  /** How long an exchange may take, in ms; 1 … 60 000. Default 250. */
  readonly timeoutMs?: number | undefined;
}

/** The options, checked, with defaults. A credit of 0 is the default, which depends on the limits. */
export type ClusterSettings = {
  readonly [Field in keyof ClusterOptions]-?: Exclude<ClusterOptions[Field], undefined>;
};

const FIELDS = ['transport', 'nodes', 'namespace', 'secret', 'credit', 'intervalMs', 'outage', 'timeoutMs'];
const MOST_NODES = 2 ** 20 - 1;
const LONGEST_MS = 60_000;
const LONGEST_SECRET = 1_024;
const OUTAGES = ['share', 'local', 'closed'];
/** No braces: they would move the hash tag. */
const NAMESPACE = /^[A-Za-z0-9_.:-]{1,64}$/;

/** @throws ConfigError that names the field, what was expected and what came. */
export function resolveOptions(limiter: unknown, options: ClusterOptions): ClusterSettings {
  if (!(limiter instanceof RateLimiter)) throw new ConfigError('limiter', 'a RateLimiter', limiter);
  requireKnownFields(options, FIELDS);
  const {
    transport,
    nodes,
    namespace = 'peergate',
    credit,
    intervalMs = 200,
    outage = 'share',
    timeoutMs = 250,
  } = options;
  const { secret = new TextEncoder().encode(namespace) } = options;
  if (!isTransport(transport)) throw new ConfigError('transport', 'an object with evalsha and eval', transport);
  requireWhole('nodes', nodes, MOST_NODES);
  if (typeof namespace !== 'string' || !NAMESPACE.test(namespace)) {
    throw new ConfigError('namespace', '1 to 64 letters, digits, _, ., : or -', namespace);
  }
  if (!(secret instanceof Uint8Array && secret.length >= 1 && secret.length <= LONGEST_SECRET)) {
    throw new ConfigError('secret', `a Uint8Array of 1 to ${LONGEST_SECRET} bytes`, secret);
  }
  const { burstSize } = limiter.config;
  if (credit !== undefined && !(Number.isInteger(credit) && credit >= 1 && credit <= burstSize)) {
    throw new ConfigError('credit', `an integer from 1 to burstSize, which is ${burstSize}`, credit);
  }
  requireMs('intervalMs', intervalMs);
  requireMs('timeoutMs', timeoutMs);
  if (!OUTAGES.includes(outage)) throw new ConfigError('outage', `'share', 'local' or 'closed'`, outage);
  return { transport, nodes, namespace, secret, credit: credit ?? 0, intervalMs, outage, timeoutMs };
}

function isTransport(value: unknown): value is ClusterTransport {
  if (typeof value !== 'object' || value === null) return false;
  const { evalsha, eval: run } = value as Partial<ClusterTransport>;
  return typeof evalsha === 'function' && typeof run === 'function';
}

function requireWhole(field: string, value: unknown, most: number): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) return;
  throw new ConfigError(field, `an integer from 1 to ${most}`, value);
}

function requireMs(field: string, value: unknown): void {
  if (typeof value === 'number' && value >= 1 && value <= LONGEST_MS) return;
  throw new ConfigError(field, `milliseconds from 1 to ${LONGEST_MS}`, value);
}
