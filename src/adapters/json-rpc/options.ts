// The adapter's options, their defaults and bounds.

import type { JSONRPCRequest, JSONRPCResponse } from 'json-rpc-2.0';
import { type Classify, ConfigError, type Peer, requireKnownFields } from '../../index.js';

/** What a handler may want to know of the call it works on. */
export interface JsonRpcCall {
  /** Who asks. */
  readonly peer: Peer;
  /** The request, or a notification (one without `id`). */
  readonly request: JSONRPCRequest;
  /** Aborts when nobody waits for the answer any more: the time is up, or the connection is gone. */
  readonly signal: AbortSignal;
}

interface Limits {
  /** The largest frame that is looked at, in bytes; keep it below the socket's own limit. Default 65 536. */
  readonly maxFrameBytes?: number | undefined;
  /** The most members a batch may have. Default 100. */
  readonly maxBatch?: number | undefined;
  /** Requests of one connection worked on at a time; while there are as many, it is not read. Default 128. */
  readonly maxInFlight?: number | undefined;
  /**
   * Bytes that the answers to one batch may have together; a member whose answer would exceed them gets an error instead.
   * Default 16 777 216, at most 2²⁸.
   */
  readonly maxBatchAnswerBytes?: number | undefined;
  /** Rejections answered on one connection a second, in the long run; the others are dropped. 0 … 1 000. Default 10. */
  readonly maxRejectionsPerSec?: number | undefined;
  /**
   * Rejections that may be answered at once on a connection that has been quiet. 0 … 1 000. Default: the limiter's
   * `burstSize`, but at least 100 and at most 1 000.
   */
  readonly maxRejectionBurst?: number | undefined;
  /** Rejected frames after which a connection that never paused is closed with 1008. Default `Infinity`: never. */
  readonly maxStrikes?: number | undefined;
  /**
   * Bytes of answers waiting to be taken above which a connection is dropped; above a sixteenth of it, it is not read.
   * Default 16 777 216.
   */
  readonly maxBufferedBytes?: number | undefined;
  /** How long a client may take none of its waiting answers before it is dropped, in ms. Default 30 000. */
  readonly stallTimeoutMs?: number | undefined;
}

interface Hooks {
  /**
   * Whether a client is told how many of its rejected frames got no answer, by a notification `rpc.rejected` with the
   * params `{ count }`, at most once a second. Default true. Clients have to ignore notifications that they do not know.
   */
  readonly notifyRejections?: boolean | undefined;
  /** Judges each request's end in the guard's place: its response, or what was thrown. */
  readonly classify?: Classify<JSONRPCResponse | null> | undefined;
  /** Told what the server cannot report itself: a time-out, a result that JSON cannot express, a hook that threw. */
  readonly onError?: ((error: unknown, request: JSONRPCRequest) => void) | undefined;
}

/** Makes what the server's methods get as their second argument. */
interface Params<ServerParams> {
  readonly serverParams: (call: JsonRpcCall) => ServerParams;
}

/** A server whose methods take a `JsonRpcCall`, or nothing, needs no `serverParams`; any other does. */
export type JsonRpcOptions<ServerParams> = Limits &
  Hooks &
  (JsonRpcCall extends ServerParams
    ? Partial<Params<ServerParams>>
    : void extends ServerParams
      ? Partial<Params<ServerParams>>
      : Params<ServerParams>);

/** The options in force. */
export interface Settings<ServerParams> extends Required<{ readonly [K in keyof Limits]: number }>, Hooks {
  readonly notifyRejections: boolean;
  readonly serverParams: (call: JsonRpcCall) => ServerParams;
}

const limits: { readonly [K in keyof Required<Limits>]: readonly [standard: number, least: number, most: number] } = {
  maxFrameBytes: [65_536, 1, 2 ** 29],
  maxBatch: [100, 1, 2 ** 20],
  maxInFlight: [128, 1, 2 ** 20],
  maxBatchAnswerBytes: [2 ** 24, 1, 2 ** 28],
  maxRejectionsPerSec: [10, 0, 1000],
  maxRejectionBurst: [Number.NaN, 0, 1000], // depends on the limiter
  maxStrikes: [Number.POSITIVE_INFINITY, 1, 2 ** 31],
  maxBufferedBytes: [2 ** 24, 1, 2 ** 40],
  stallTimeoutMs: [30_000, 1, 2 ** 31 - 1],
};

const optionNames = [...Object.keys(limits), 'notifyRejections', 'classify', 'onError', 'serverParams'];

/**
 * @param burstSize Of the limiter: an honest client can overshoot by as much in one go.
 * @throws ConfigError that names the first option that does not exist or is out of its bounds.
 */
export function settingsOf<ServerParams>(
  options: JsonRpcOptions<ServerParams>,
  burstSize: number,
): Settings<ServerParams> {
  requireKnownFields(options, optionNames);
  const settings: Record<string, unknown> = {};
  for (const [name, [standard, least, most]] of Object.entries(limits)) {
    const value: unknown = options[name as keyof Limits];
    const isWhole = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
    if (!isWhole && value !== undefined && value !== standard) {
      throw new ConfigError(name, `an integer from ${least} to ${most}`, value);
    }
    settings[name] = value ?? standard;
  }
  settings['maxRejectionBurst'] = options.maxRejectionBurst ?? Math.min(Math.max(burstSize, 100), 1000);
  const {
    notifyRejections = true,
    classify,
    onError,
    serverParams = (call: JsonRpcCall) => call as ServerParams,
  } = options;
  if (typeof notifyRejections !== 'boolean') throw new ConfigError('notifyRejections', 'a boolean', notifyRejections);
  if (classify !== undefined && typeof classify !== 'function')
    throw new ConfigError('classify', 'a function', classify);
  if (onError !== undefined && typeof onError !== 'function') throw new ConfigError('onError', 'a function', onError);
  if (typeof serverParams !== 'function') throw new ConfigError('serverParams', 'a function', serverParams);
  return { ...settings, notifyRejections, classify, onError, serverParams } as unknown as Settings<ServerParams>;
}
