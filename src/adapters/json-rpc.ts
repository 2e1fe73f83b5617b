// The adapter for JSON-RPC 2.0: the guard before a `JSONRPCServer` of the package `json-rpc-2.0`, over any message socket.
// The framework is imported as types only, so this module loads without it.

import type { JSONRPCServer } from 'json-rpc-2.0';
import { ClosedError, ConfigError, type Peer, type PeerId, RpcArgumentError, type RpcGuard } from '../index.js';
import { Connection, type JsonRpcConnection } from './json-rpc/connection.js';
import { type JsonRpcCall, type JsonRpcOptions, settingsOf } from './json-rpc/options.js';
import { type FrameData, type MessageSocket, OPEN } from './json-rpc/socket.js';
import { addStats, type JsonRpcStats, newStats } from './json-rpc/stats.js';
import { openOr } from './json-rpc/tell.js';
import { Turns } from './json-rpc/turns.js';
import { watchServer } from './json-rpc/witness.js';

export { clientErrorsIgnored, onlyCodes } from '../index.js';
export type { FrameData, JsonRpcCall, JsonRpcConnection, JsonRpcOptions, JsonRpcStats, MessageSocket };

/** A server with the guard before it. */
export interface JsonRpcGate {
  /**
   * Serves a socket. An ID gets a handle of its own. A handle of this gate's limiter that is passed in now belongs to the
   * connection. Either is released when the socket closes. Where the limiter is closed, the socket is closed with 1013.
   *
   * @throws TypeError (`ERR_PEERGATE_RPC_ARGUMENT`) for a socket without `on`.
   * @throws what `RateLimiter.peer` throws for anything that is neither a handle nor an ID, before the socket is touched.
   */
  accept(socket: MessageSocket, peer: PeerId | Peer): JsonRpcConnection;
  /** The connections that are open, or have brought something that still waits for its turn. */
  readonly connections: ReadonlySet<JsonRpcConnection>;
  /** Totals over all connections so far. */
  stats(): JsonRpcStats;
  /** Closes every connection, and each that comes later. Default 1001, going away. */
  close(code?: number, reason?: string): void;
}

/**
 * Puts the guard before a server. Frames are rejected before they are parsed, few rejections are answered, a socket that keeps
 * on is not read for a while, and the breaker learns what came of each request. `docs/rpc.md` has the rules.
 *
 * @throws ConfigError for an option that is out of its bounds, a server or a guard that is none.
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
  const settings = settingsOf<ServerParams>(
    options ?? ({} as JsonRpcOptions<ServerParams>),
    guard.limiter.config.burstSize,
  );
  const shared = { server, guard, settings, turns: new Turns(guard.limiter.config.clock) };
  const connections = new Set<Connection<ServerParams>>();
  const past = newStats();
  let closing: { code: number | undefined; reason: string | undefined } | undefined;
  watchServer(server);

  return {
    connections,
    accept(socket, peer) {
      if (typeof socket?.on !== 'function') throw new RpcArgumentError('socket', 'a MessageSocket', socket);
      const handle = openOr(undefined, () => (guard.limiter.owns(peer) ? peer : guard.limiter.peer(peer)));
      if (handle === undefined) return refuseSocket(socket);
      const connection = new Connection(shared, socket, handle, (ended) => {
        connections.delete(ended);
        addStats(past, ended.stats());
      });
      if (connection.isOpen) connections.add(connection);
      if (closing !== undefined) connection.close(closing.code, closing.reason);
      return connection;
    },
    stats() {
      const sum = { ...past };
      for (const connection of connections) addStats(sum, connection.stats());
      return sum;
    },
    close(code, reason) {
      closing = { code, reason };
      for (const connection of connections) connection.close(code, reason);
    },
  };
}

/** The limiter is closed: there is no peer, and nobody to serve the socket. */
function refuseSocket(socket: MessageSocket): JsonRpcConnection {
  socket.on('error', () => {});
  if (socket.readyState === OPEN) socket.close(TRY_AGAIN_LATER, 'Service unavailable');
  return {
    get peer(): Peer {
      throw new ClosedError();
    },
    isOpen: false,
    inFlight: 0,
    stats: newStats,
    close() {},
  };
}

/** A WebSocket close code. */
const TRY_AGAIN_LATER = 1013;

/** The options may be left out where none of them is required. */
type OptionsArgument<ServerParams> =
  Record<string, never> extends JsonRpcOptions<ServerParams>
    ? [options?: JsonRpcOptions<ServerParams>]
    : [options: JsonRpcOptions<ServerParams>];
