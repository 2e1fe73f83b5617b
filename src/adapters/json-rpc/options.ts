// The adapter's own options, beside those of every guarded connection.

import type { JSONRPCRequest, JSONRPCResponse } from 'json-rpc-2.0';
import { type Bounds, type FlowOptions, flowOptionNames, within } from '../../flow/index.js';
import { type Classify, ConfigError, type Peer, requireKnownFields } from '../../index.js';

/**
 * What a handler may want to know of the call it works on. `signal` is made when it is asked for, so take what you need by
 * name: a copy made by spreading lacks it.
 */
export interface JsonRpcCall {
  /** Who asks. */
  readonly peer: Peer;
  /** The request, or a notification (one without `id`). */
  readonly request: JSONRPCRequest;
  /** Aborts when nobody waits for the answer any more: the time is up, or the connection is gone. */
  readonly signal: AbortSignal;
}

interface Limits {
  /** The most members a batch may have. Default 100. */
  readonly maxBatch?: number | undefined;
  /**
   * Bytes that the answers to one batch may have together; a member whose answer would exceed them gets an error instead.
   * Default 16 777 216, at most 2²⁸.
   */
  readonly maxBatchAnswerBytes?: number | undefined;
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
export type JsonRpcOptions<ServerParams> = FlowOptions &
  Limits &
  Hooks &
  (JsonRpcCall extends ServerParams
    ? Partial<Params<ServerParams>>
    : void extends ServerParams
      ? Partial<Params<ServerParams>>
      : Params<ServerParams>);

/** The adapter's own options in force. */
export interface Settings<ServerParams> extends Required<{ readonly [K in keyof Limits]: number }>, Hooks {
  /** Where it is missing, methods get the `JsonRpcCall`. */
  readonly serverParams: ((call: JsonRpcCall) => ServerParams) | undefined;
}

const bounds: Bounds<keyof Limits> = {
  maxBatch: [100, 1, 2 ** 20],
  maxBatchAnswerBytes: [2 ** 24, 1, 2 ** 28],
};

const optionNames = [...flowOptionNames, ...Object.keys(bounds), 'classify', 'onError', 'serverParams'];

/**
 * Takes the adapter's own options apart from those of the connections, which are checked where they are used.
 *
 * @throws ConfigError that names the first option that does not exist or is out of its bounds.
 */
export function settingsOf<ServerParams>(
  options: JsonRpcOptions<ServerParams>,
): [own: Settings<ServerParams>, flow: FlowOptions] {
  requireKnownFields(options, optionNames);
  const { maxBatch, maxBatchAnswerBytes, classify, onError, serverParams, ...flow } = options;
  for (const [name, hook] of Object.entries({ classify, onError, serverParams })) {
    if (hook !== undefined && typeof hook !== 'function') throw new ConfigError(name, 'a function', hook);
  }
  return [{ ...within(bounds, { maxBatch, maxBatchAnswerBytes }), classify, onError, serverParams }, flow];
}
