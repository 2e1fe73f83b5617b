// The adapter for JSON-RPC 2.0: the guard before a `JSONRPCServer` of the package `json-rpc-2.0`, over any message socket.
// The framework is imported as types only, so this module loads without it. What holds for every protocol (rejections, pauses,
// turns, the end of a connection) is in `peergate/flow`; here are ids, batches and errors.

import type { JSONRPCServer } from 'json-rpc-2.0';
import { type FlowConnection, type FlowGate, type FlowStats, guardFlow } from '../flow/index.js';
import { ConfigError, type RpcGuard } from '../index.js';
import { type JsonRpcCall, type JsonRpcOptions, settingsOf } from './json-rpc/options.js';
import { JsonRpcSession } from './json-rpc/session.js';
import { watchServer } from './json-rpc/witness.js';

export type { FrameData, MessageSocket } from '../flow/index.js';
export { clientErrorsIgnored, onlyCodes } from '../index.js';
export type { JsonRpcCall, JsonRpcOptions };

/** A guarded connection. */
export type JsonRpcConnection = FlowConnection;
/** A server with the guard before it. */
export type JsonRpcGate = FlowGate;
/** Counters over the life of a connection or of the whole service. */
export type JsonRpcStats = FlowStats;

/**
 * Puts the guard before a server. Frames are rejected before they are parsed, few rejections are answered, a socket that keeps
 * on is not read for a while, and the breaker learns what came of each request. `docs/rpc.md` has the rules.
 *
 * @throws ConfigError for an option that does not exist or is out of its bounds, or what is not a server or a guard.
 *
 * @example
 * const gate = guardJsonRpc(server, new RpcGuard(limiter), { maxFrameBytes: 32_768 });
 * webSocketServer.on('connection', (socket, request) => gate.accept(socket, request.socket.remoteAddress ?? 'unknown'));
 */
export function guardJsonRpc<ServerParams = void>(
  server: JSONRPCServer<ServerParams>,
  guard: RpcGuard,
  ...[options]: OptionsArgument<ServerParams>
): JsonRpcGate {
  if (typeof server?.applyMiddleware !== 'function') throw new ConfigError('server', 'a JSONRPCServer', server);
  if (typeof guard?.admit !== 'function') throw new ConfigError('guard', 'an RpcGuard', guard);
  const [settings, flowOptions] = settingsOf<ServerParams>(options ?? ({} as JsonRpcOptions<ServerParams>));
  const gate = guardFlow(guard, (link) => new JsonRpcSession({ link, server, settings }), flowOptions, 'json-rpc');
  watchServer(server);
  return gate;
}

/** The options may be left out where none of them is required. */
type OptionsArgument<ServerParams> =
  Record<string, never> extends JsonRpcOptions<ServerParams>
    ? [options?: JsonRpcOptions<ServerParams>]
    : [options: JsonRpcOptions<ServerParams>];
