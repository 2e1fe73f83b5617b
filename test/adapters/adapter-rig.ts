/** What an adapter brings to its tests, and the behaviours that it has to show. */

import type { RefusalReason, RpcGuard } from '../../src/index.js';

/** How a call ended, as its client saw it. */
export interface Seen {
  readonly code: unknown;
  /** Where the framework carries it. */
  readonly reason?: RefusalReason;
  readonly retryAfterMs?: number | null;
}

/** A stream whose first message has reached the client. */
export interface OpenStream {
  /** The handler ends it well. */
  end(): Promise<void>;
  /** The handler fails. */
  fail(): Promise<void>;
}

/** A server with the adapter before its methods, and a client. */
export interface Served {
  /** `ok` answers at once, `crash` throws, `hang` never answers. `as` is the name of the peer. */
  call(method: 'ok' | 'crash' | 'hang', as: string): Promise<Seen>;
  /** Calls `hang`, and gives up once the handler has it. */
  cancel(as: string): Promise<void>;
  stream(as: string): Promise<OpenStream>;
  /** Calls that reached a handler. */
  handled(): number;
  /** Bodies that were parsed. Left out where the framework parses before anybody is asked. */
  parsed?(): number;
  stop(): Promise<void>;
}

export type Options = Record<string, unknown>;

/** What an adapter brings. */
export interface AdapterRig {
  /** The row of the table. */
  readonly name: string;
  /** Under which name its rejections are counted. */
  readonly entry: string;
  /** What a client sees. A missing reason is one that this rig cannot show. */
  readonly codes: { readonly ok: unknown } & Readonly<Record<RefusalReason, unknown>>;
  /** Behaviours that this framework cannot have, with the reason in a few words. */
  readonly without?: Partial<Record<Behaviour, string>>;
  /** Bytes that may stay behind for each call. Default 100: far less than any object that would be kept for it. */
  readonly mostBytesACall?: number;
  /**
   * Starts a server. Unless the options have a `peer`, the rig gives one that takes the name that `call` was given.
   */
  serve(guard: RpcGuard, options: Options): Promise<Served>;
  /** Only makes the adapter. It throws, or rejects, for bad options. */
  make(guard: RpcGuard, options: Options): unknown;
}

export const BEHAVIOURS = [
  'below the limit',
  'over the limit',
  'circuit open',
  'table full',
  'closed limiter',
  'crash',
  'time-out',
  'cancelled call',
  'stream as a probe',
  'two peers',
  'bad peer function',
  'unknown options',
  '10 000 calls',
] as const;

export type Behaviour = (typeof BEHAVIOURS)[number];
