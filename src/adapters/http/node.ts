// The side of Node's HTTP servers: where a request ends, and how one is turned away. Express, Connect, Koa and Fastify all hand
// over Node's own two objects. Their types are written down here as far as they are used, so that the package needs none.

import type { Passage, Refusal } from '../../index.js';
import { addressPeer } from '../address.js';
import type { HttpAnswer, HttpGate } from './rules.js';

/** What is used of an `IncomingMessage`, and of the request of HTTP/2. */
export interface NodeRequest {
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly httpVersionMajor?: number | undefined;
  readonly socket: { readonly remoteAddress?: string | undefined };
  /** Whether the whole body has arrived. */
  readonly complete?: boolean | undefined;
}

type Finishing = Pick<NodeResponse, 'writableFinished' | 'writableEnded' | 'stream'>;

interface NodeSocket {
  /** The other end has sent its last. */
  readonly readableEnded?: boolean | undefined;
  readonly errored?: Error | null | undefined;
}

/** What is used of a `ServerResponse`, and of the response of HTTP/2. */
export interface NodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished?: boolean | undefined;
  readonly closed?: boolean | undefined;
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

/** The default peer: the other end of the connection, as `peergate/address` names it. */
export function socketPeer({ socket }: NodeRequest): string {
  return addressPeer(socket.remoteAddress);
}

/** The gate of a Node server. One listener serves all its responses; each finds its passage by the mark on its response. */
export class NodeGate<R> {
  readonly #gate: HttpGate<R>;
  readonly #mark = Symbol('peergate');
  readonly #closed: (this: Marked) => void;

  constructor(gate: HttpGate<R>) {
    this.#gate = gate;
    const mark = this.#mark;
    this.#closed = function (this: Marked): void {
      settle(this, this[mark] as Passage<R>);
    };
  }

  /** Decides on a request. One that comes through twice, because the guard is mounted twice, counts once. */
  enter(request: R, response: NodeResponse): Passage<R> | Refusal<R> | undefined {
    const known = (response as Marked)[this.#mark];
    if (known !== undefined) return known as Passage<R>;
    const entry = this.#gate.enter(request);
    if (entry?.allowed) this.#admit(entry, response);
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
    if (isLongUpload(request)) answer.headers['Connection'] = 'close';
    return answer;
  }

  #admit(passage: Passage<R>, response: NodeResponse): void {
    const { policy } = this.#gate;
    if (policy !== undefined && !response.headersSent) {
      response.setHeader('RateLimit-Policy', policy);
      response.setHeader('RateLimit', this.#gate.limitOf(passage));
    }
    if (response.closed || response.stream?.closed) {
      settle(response, passage);
      return;
    }
    (response as Marked)[this.#mark] = passage;
    response.on('close', this.#closed);
    if (passage.wantsProgress) watchStart(response, passage);
  }
}

type Marked = NodeResponse & { [mark: symbol]: unknown };

/** An answer that did not get out still has its status, which says nothing then. */
function settle<R>(response: NodeResponse, passage: Passage<R>): void {
  const { stream, errored } = response;
  const isGone = isClientGone(response);
  if (errored && !isGone) passage.settle({ how: 'error', error: errored });
  else if (isFinished(response)) passage.settle({ how: 'done', status: response.statusCode });
  else passage.settle(isGone || stream !== undefined ? { how: 'cancelled' } : { how: 'error' });
}

/** Whether the whole answer got out. Over HTTP/2 `writableFinished` is also true of a stream that its client has reset. */
export function isFinished({ writableFinished, writableEnded, stream }: Finishing): boolean {
  return stream === undefined ? (writableFinished ?? writableEnded) : writableEnded && !stream.aborted;
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
