// A guard before everything that comes over a kind of socket: it takes sockets, counts, and closes them all.

import {
  ClosedError,
  ConfigError,
  type Peer,
  type PeerId,
  RpcArgumentError,
  type RpcGuard,
  requireKnownFields,
} from '../index.js';
import { Connection, type FlowConnection } from './connection.js';
import { Deadlines } from './deadlines.js';
import { type FlowOptions, flowOptionNames, flowSettings } from './options.js';
import type { Protocol } from './session.js';
import { type MessageSocket, OPEN } from './socket.js';
import { addStats, type FlowStats, newStats } from './stats.js';
import { openOr } from './tell.js';
import { Turns } from './turns.js';

/** A WebSocket close code. */
const TRY_AGAIN_LATER = 1013;

/** Takes sockets and puts the guard before them. */
export interface FlowGate {
  /**
   * Serves a socket. An ID gets a handle of its own. A handle of this gate's limiter that is passed in now belongs to the
   * connection. Either is released when the socket closes. Where the limiter is closed, the socket is closed with 1013.
   *
   * @throws TypeError (`ERR_PEERGATE_RPC_ARGUMENT`) for a socket without `on`.
   * @throws what the protocol throws when it is made.
   * @throws what `RateLimiter.peer` throws for anything that is neither a handle nor an ID, before the socket is touched.
   */
  accept(socket: MessageSocket, peer: PeerId | Peer): FlowConnection;
  /** The connections that are open, or have brought something that still waits for its turn. */
  readonly connections: ReadonlySet<FlowConnection>;
  /** Totals over all connections so far. */
  stats(): FlowStats;
  /** Closes every connection, and each that comes later. Default 1001, going away. */
  close(code?: number, reason?: string): void;
}

/**
 * Puts the guard before a protocol. Frames are rejected before anybody looks into them, few rejections are answered, a socket
 * that keeps on is not read for a while, and the breaker learns what came of each piece of work. `docs/rpc.md` has the rules.
 *
 * @param protocol Makes what works on the frames of one connection.
 * @param adapter What `peergate.rejections` calls the rejections of this gate: the name of the adapter's entry. Default `flow`.
 * @throws ConfigError for an option that does not exist or is out of its bounds, or what is not a guard or a protocol.
 *
 * @example
 * const gate = guardFlow(guard, (link) => ({
 *   begin: (frame, permit) => link.serve(permit, ({ signal }) => answerTo(frameText(frame), signal), () => 'error'),
 *   reject: () => 'try again later',
 * }));
 */
export function guardFlow(guard: RpcGuard, protocol: Protocol, options: FlowOptions = {}, adapter = 'flow'): FlowGate {
  requireKnownFields(options, flowOptionNames);
  if (typeof guard?.admit !== 'function') throw new ConfigError('guard', 'an RpcGuard', guard);
  if (typeof protocol !== 'function') throw new ConfigError('protocol', 'a function', protocol);
  const { limiter } = guard;
  const settings = flowSettings(options, limiter.config.burstSize);
  const deadlines = new Deadlines(guard.timeoutMs);
  const rejections = limiter.rejectionsBy(adapter);
  const shared = {
    guard,
    rejections,
    protocol,
    settings,
    deadlines,
    turns: new Turns(limiter.config.clock, deadlines.tick),
  };
  const connections = new Set<Connection>();
  const past = newStats();
  let closing: { code: number | undefined; reason: string | undefined } | undefined;

  function connect(socket: MessageSocket, handle: Peer): Connection {
    try {
      return new Connection(shared, socket, handle, (ended) => {
        connections.delete(ended);
        addStats(past, ended.counters);
      });
    } catch (error) {
      // The protocol, or the socket, threw. Nobody would give the handle back.
      handle.release();
      throw error;
    }
  }

  return {
    connections,
    accept(socket, peer) {
      if (typeof socket?.on !== 'function') throw new RpcArgumentError('socket', 'a MessageSocket', socket);
      const handle = openOr(undefined, () => (limiter.owns(peer) ? peer : limiter.peer(peer)));
      if (handle === undefined) return refuseSocket(socket);
      const connection = connect(socket, handle);
      if (connection.isOpen) connections.add(connection);
      if (closing !== undefined) connection.close(closing.code, closing.reason);
      return connection;
    },
    stats() {
      const sum = { ...past };
      for (const connection of connections) addStats(sum, connection.counters);
      return sum;
    },
    close(code, reason) {
      closing = { code, reason };
      for (const connection of connections) connection.close(code, reason);
    },
  };
}

/** The limiter is closed: there is no peer, and nobody to serve the socket. */
function refuseSocket(socket: MessageSocket): FlowConnection {
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
