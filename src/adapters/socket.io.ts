// The adapter for socket.io 4: a middleware for the events of each socket of a namespace. Its types are written down here as far
// as they are used, so that none of its code is loaded.

import { type GateOptions, RpcGate, type RpcGuard } from '../index.js';
import { addressPeer } from './address.js';
import { type Ack, forget, Pending } from './socket.io/pending.js';
import { limitNames, limitsOf, Replies, type SocketLimits } from './socket.io/replies.js';
import type { SocketLike } from './socket.io/socket.js';

export type { SocketLike, SocketLimits };

/** What is used of a namespace, or of a server, which stands for its main namespace. */
export interface NamespaceLike<S extends SocketLike> {
  use(middleware: (socket: S, next: () => void) => void): unknown;
  on(event: 'connection', listener: (socket: S) => void): unknown;
}

/** The options of `guardNamespace`. */
export interface SocketOptions<S> extends GateOptions<S>, SocketLimits {}

/**
 * Limits the events that the clients of a namespace send. Call it before any other middleware of the namespace.
 *
 * A rejected event reaches no handler. Its acknowledgement, if it has one, gets `{ error: { code, message, data } }`; without one
 * the event is dropped. A socket that keeps on is answered less and less, and disconnected after `maxStrikes`. The
 * acknowledgement is the outcome: an `error` member is a failure, and so is silence beyond the guard's `timeoutMs`. An event
 * without one is a success, because nobody hears how its handler ends. What a disconnect leaves unanswered is ignored.
 *
 * Default peer: the address of the connection, as `addressPeer` names it. Never use `socket.id`: each connection has a new one.
 *
 * @throws ConfigError for a bad guard or option.
 *
 * @example
 * guardNamespace(guard, io, { peer: (socket) => socket.data.userId });
 */
export function guardNamespace<S extends SocketLike>(
  guard: RpcGuard,
  namespace: NamespaceLike<S>,
  options: SocketOptions<S> = {},
): void {
  const gate = new RpcGate<S>(guard, options, {
    name: 'socket.io',
    peer: ({ handshake }) => addressPeer(handshake.address),
    optionNames: limitNames,
  });
  const { burstSize, clock } = guard.limiter.config;
  const limits = limitsOf(options, burstSize);
  const guarded = new WeakSet<S>();
  const protect = (socket: S) => {
    if (guarded.has(socket)) return;
    guarded.add(socket);
    const replies = new Replies(limits, clock);
    const pending = new Pending(socket);
    socket.use((event, go) => {
      // More may have been on its way when it was disconnected. No handler would get that.
      if (!socket.connected) return;
      const entry = gate.enter(socket);
      const ack = event.at(-1);
      if (entry?.allowed === false) {
        forget(ack);
        replies.refuse(entry, ack, socket);
        return;
      }
      if (entry !== undefined) {
        replies.admitted();
        if (typeof ack !== 'function') entry.settle({ how: 'done' });
        else event[event.length - 1] = pending.watch(entry, ack as Ack);
      }
      go();
    });
  };
  namespace.use((socket, next) => {
    protect(socket);
    next();
  });
  // A client that recovers its session passes by the middleware of the namespace.
  namespace.on('connection', protect);
}
