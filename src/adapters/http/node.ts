// The side of Node's HTTP servers: where a request ends, and how one is turned away. Express, Connect, Koa and Fastify all hand
// over Node's own two objects. Their types are written down here as far as they are used, so that the package needs none.

import type { Passage, Refusal } from '../../index.js';
import { addressPeer } from '../address.js';
import { turnedAway } from '../turned-away.js';
import type { HttpAnswer, HttpGate } from './rules.js';

/** What is used of an `IncomingMessage`, and of the request of HTTP/2. */
export interface NodeRequest {
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly httpVersionMajor?: number | undefined;
  readonly socket: { readonly remoteAddress?: string | undefined; readonly destroyed?: boolean | undefined };
  /** Whether the whole body has arrived. */
  readonly complete?: boolean | undefined;
}

type Finishing = Pick<NodeResponse, 'writableFinished' | 'writableEnded' | 'stream' | 'req'>;

interface NodeSocket {
  /** The other end has sent its last. */
  readonly readableEnded?: boolean | undefined;
  readonly errored?: Error | null | undefined;
  readonly destroyed?: boolean | undefined;
}

/** What is used of a `ServerResponse`, and of the response of HTTP/2. */
export interface NodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished?: boolean | undefined;
  readonly closed?: boolean | undefined;
  /** `null` before it is the turn of a pipelined request. */
  readonly socket?: unknown;
  readonly errored?: Error | null | undefined;
  readonly req?: { readonly socket?: NodeSocket } | undefined;
  readonly stream?: { readonly aborted: boolean; readonly closed: boolean } | undefined;
  setHeader(name: string, value: string): unknown;
  flushHeaders?(): void;
  end(body: string): unknown;
  destroy(error?: Error): unknown;
  on(event: 'close', listener: () => void): unknown;
}

/** An unread body that is longer than this is not waited for. */
const MOST_UNREAD_BYTES = 65_536;

const PEER = Symbol('peergate.peer');
/** On a socket: what to do at its end for the responses that wait for their turn. */
const WAITING = Symbol('peergate.waiting');

/**
 * The default peer: the other end of the connection, as `peergate/address` names it. A connection remembers it: to read an
 * address costs a sixth of all that the guard does.
 *
 * @throws AddressError for a Unix socket.
 */
export function socketPeer({ socket }: NodeRequest): string {
  const known = (socket as Named)[PEER];
  if (known !== undefined) return known;
  const peer = addressPeer(socket.remoteAddress);
  (socket as Named)[PEER] = peer;
  return peer;
}

type Named = NodeRequest['socket'] & { [PEER]?: string };
type Waited = NodeRequest['socket'] & {
  [WAITING]?: Set<() => void>;
  on?(event: 'close', listener: () => void): unknown;
};
type Marked = NodeRequest['socket'] & { [mark: symbol]: NodeResponse | undefined };

/**
 * The gate of a Node server. Express gives each response a hidden class of its own, so every look at a response costs as much as
 * a look-up in a map; what can be known from the socket is asked of the socket.
 */
export class NodeGate<R> {
  readonly #gate: HttpGate<R>;
  /** On a socket: a response under way that this gate let begin. */
  readonly #current = Symbol('peergate.current');
  /** Further ones, begun while that one was under way (HTTP/2, pipelining). A set costs more than a field of the socket. */
  readonly #beside = new WeakSet<NodeResponse>();

  constructor(gate: HttpGate<R>) {
    this.#gate = gate;
  }

  /** Decides on a request. One that comes through twice, because the guard is mounted twice, counts once. */
  enter(request: R, incoming: NodeRequest, response: NodeResponse): Passage<R> | Refusal<R> | undefined {
    let socket: Marked | undefined;
    try {
      socket = incoming.socket;
      if (socket?.[this.#current] === response || this.#beside.has(response)) return undefined;
    } catch {
      // A connection of HTTP/2 that is gone throws.
      socket = undefined;
    }
    const entry = this.#gate.enter(request);
    if (entry?.allowed) this.#admit(entry, incoming, socket, response);
    return entry;
  }

  /**
   * What to answer a request that was turned away; the framework writes it. Undefined where no answer can be written any more:
   * one that has its headers out is ended by force.
   */
  refuse(refusal: Refusal<R>, request: NodeRequest, response: NodeResponse): HttpAnswer | undefined {
    if (response.writableEnded) {
      refusal.dropped();
      return undefined;
    }
    if (response.headersSent) {
      response.destroy();
      refusal.closed();
      return undefined;
    }
    const answer = this.#gate.refuse(refusal);
    turnedAway.add(response);
    if (isLongUpload(request)) answer.headers['Connection'] = 'close';
    return answer;
  }

  #admit(passage: Passage<R>, incoming: NodeRequest, socket: Marked | undefined, response: NodeResponse): void {
    const { policy } = this.#gate;
    const isBegun = response.headersSent;
    if (policy !== undefined && !isBegun) {
      response.setHeader('RateLimit-Policy', policy);
      const limit = this.#gate.limitOf(passage);
      if (limit !== undefined) response.setHeader('RateLimit', limit);
    }
    if (socket === undefined || socket.destroyed) {
      // The client has left while another layer had the request.
      passage.settle({ how: 'cancelled' });
    } else if (isBegun && response.closed) {
      settle(response, passage);
    } else {
      const current = this.#current;
      if (socket[current] === undefined) socket[current] = response;
      else this.#beside.add(response);
      whenClosed(response, incoming, () => {
        settle(response, passage);
        try {
          // An idle connection must not keep what it was asked last.
          if (socket[current] === response) socket[current] = undefined;
        } catch {
          // A connection of HTTP/2 that is gone throws.
        }
      });
      if (passage.wantsProgress) watchStart(response, passage);
    }
  }
}

/**
 * Calls back when the response closes. Node gives a response its socket when it is its turn. Until then the response waits
 * behind another one of the connection (pipelining), and Node does not tell it that the connection has ended.
 */
export function whenClosed(response: NodeResponse, request: NodeRequest, closed: () => void): void {
  response.on('close', closed);
  if (response.socket !== null) return;
  const socket: Waited = request.socket;
  let waiting = socket[WAITING];
  if (waiting === undefined) {
    const all = new Set<() => void>();
    waiting = socket[WAITING] = all;
    socket.on?.('close', () => {
      for (const end of all) end();
    });
  }
  waiting.add(closed);
  response.on('close', () => waiting.delete(closed));
}

/** An answer that did not get out still has its status, which says nothing then. */
function settle<R>(response: NodeResponse, passage: Passage<R>): void {
  if (turnedAway.has(response)) {
    passage.abandon();
    return;
  }
  const { errored } = response;
  const isDone = isFinished(response);
  const isGone = (errored || !isDone) && isClientGone(response);
  if (errored && !isGone) passage.settle({ how: 'error', error: errored });
  else if (isDone) passage.settle({ how: 'done', status: response.statusCode });
  else passage.settle(isGone || response.stream !== undefined ? { how: 'cancelled' } : { how: 'error' });
}

/** Whether the whole answer got out. Over HTTP/2 `writableFinished` is also true of a stream that its client has reset. */
export function isFinished({ writableFinished, writableEnded, stream, req }: Finishing): boolean {
  if (stream !== undefined) return writableEnded && !stream.aborted;
  if (writableFinished ?? writableEnded) return true;
  // Fastify's `inject` has no connection to write to, so its answers end and never finish.
  return writableEnded && !req?.socket?.destroyed;
}

/** Whether the client broke off. Else the server did: its handler, its framework for a stream that failed, its time limit. */
function isClientGone({ req, stream, errored }: NodeResponse): boolean {
  if (stream !== undefined) return stream.aborted;
  const socket = req?.socket;
  if (socket === undefined || socket.readableEnded) return true;
  // A response that is destroyed with an error hands that on to its socket.
  return Boolean(socket.errored) && socket.errored !== errored;
}

/** Calls `progress` when the first piece of a streamed answer goes out. An answer in one piece comes by `end`. */
function watchStart<R>(response: NodeResponse, passage: Passage<R>): void {
  const streaming = response as NodeResponse & { write(...args: unknown[]): unknown };
  const { write, flushHeaders } = streaming;
  const started = () => passage.progress({ how: 'done', status: response.statusCode });
  streaming.write = function (...args: unknown[]) {
    started();
    return write.apply(this, args);
  };
  streaming.flushHeaders = function () {
    started();
    flushHeaders?.call(this);
  };
}

/** On a connection that is kept open, Node reads the rest of the body, all 50 MB of it, before the next request. */
export function isLongUpload({ headers, complete, httpVersionMajor = 1 }: NodeRequest): boolean {
  if (complete || httpVersionMajor > 1) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > MOST_UNREAD_BYTES;
}
