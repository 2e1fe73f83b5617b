// The adapters for servers that speak Fetch: Bun, Deno, Workers, and Hono on any of them and on Node. On Node a request ends when
// Node's response closes, as in `peergate/http`; elsewhere it ends when the handler has answered, or when its streamed body ends.

import type { Passage, PeerId, Refusal, RpcGuard, RpcPeer } from '../index.js';
import { isStreamed, watched } from './fetch/body.js';
import { connectionPeer, type FetchRequest } from './fetch/runtime.js';
import { isLongUpload, NodeGate, type NodeRequest, type NodeResponse, socketPeer } from './http/node.js';
import { type HttpAnswer, HttpGate, type HttpOptions } from './http/rules.js';
import { turnedAway } from './turned-away.js';

export type { FetchRequest, HttpOptions };

/** The options of `guardFetch`. */
export interface FetchOptions<Q> extends Omit<HttpOptions<Q>, 'peer'> {
  /** Who asks. `handed` is what the runtime hands over beside the request: Bun's server, Deno's info, a Worker's bindings. */
  // biome-ignore lint/suspicious/noExplicitAny: each runtime has a type of its own for it
  readonly peer?: ((request: Q, handed: any) => PeerId | RpcPeer | undefined) | undefined;
}

/** Node's two objects, as `@hono/node-server` hands them over. */
interface OnNode {
  readonly incoming: NodeRequest;
  readonly outgoing: NodeResponse;
}

/**
 * Wraps a Fetch handler for `Bun.serve`, `Deno.serve`, a Worker's `fetch`, or `serve` of `@hono/node-server`.
 *
 * Default peer: the address of the connection, as `addressPeer` names it: Bun's `server.requestIP(request)`, Deno's
 * `info.remoteAddr`, Node's socket, in Workers the header `cf-connecting-ip`. A status of 500 or more is a failure, and so is a
 * handler that throws or takes longer than the guard's `timeoutMs`, though it is not ended.
 *
 * @throws ConfigError for a bad guard or option.
 *
 * @example
 * Bun.serve({ fetch: guardFetch(guard)((request) => new Response('hello')) });
 */
export function guardFetch<Q extends FetchRequest = Request>(guard: RpcGuard, options: FetchOptions<Q> = {}) {
  // Set while the gate decides, which takes no turn of the event loop.
  let handed: unknown;
  const { peer } = options ?? {};
  // A copy would lose the options that are inherited.
  const own = { value: (request: Q) => peer?.(request, handed), enumerable: true };
  const asked = typeof peer === 'function' ? Object.create(options, { peer: own }) : options;
  const gate = new HttpGate<Q>(guard, asked, (request) => {
    const node = nodeOf(handed);
    return node === undefined ? connectionPeer(request, handed) : socketPeer(node.incoming);
  });
  const nodeGate = new NodeGate(gate);
  return <Rest extends unknown[], S>(handler: (request: Q, ...rest: Rest) => S | PromiseLike<S>) =>
    async (request: Q, ...rest: Rest): Promise<S> => {
      handed = rest[0];
      const node = nodeOf(handed);
      const entry = node === undefined ? gate.enter(request) : nodeGate.enter(request, node.incoming, node.outgoing);
      handed = undefined;
      if (entry === undefined) return handler(request, ...rest);
      if (!entry.allowed) {
        const { status, headers, body } = answerTo(gate, entry, node);
        const response = new Response(body, { status, headers });
        turnedAway.add(response);
        return response as S;
      }
      entry.limitTime(node === undefined ? request : undefined);
      try {
        const response = await handler(request, ...rest);
        return node === undefined ? (ended(gate, entry, response as Response, request) as S) : response;
      } catch (error) {
        if (node === undefined) entry.settle({ how: request.signal?.aborted ? 'cancelled' : 'error', error });
        throw error;
      } finally {
        entry.inTime();
      }
    };
}

/** Hono's `c`, as far as most functions need it. Say `c: Context` in a function of yours that needs more. */
export interface HonoContext {
  readonly req: {
    readonly raw: FetchRequest;
    readonly method: string;
    readonly path: string;
    header(name: string): string | undefined;
  };
  readonly env: unknown;
  res: Response;
  header(name: string, value: string): void;
  // biome-ignore lint/suspicious/noExplicitAny: Hono's own types for statuses are narrower than a number
  body(data: string, status: any, headers: Record<string, string>): Response;
}

/**
 * Middleware for Hono. Use it first. Otherwise it does as `guardFetch`; where `app.onError` makes an answer of what a handler
 * threw, the status of that answer counts.
 *
 * @throws ConfigError for a bad guard or option.
 *
 * @example
 * app.use(guardHono(guard, { skip: (c) => c.req.path === '/health' }));
 */
export function guardHono<C extends HonoContext = HonoContext>(guard: RpcGuard, options: HttpOptions<C> = {}) {
  const gate = new HttpGate<C>(guard, options, (c) => {
    const node = nodeOf(c.env);
    // Hono makes `c.req` when it is first asked for.
    return node === undefined ? connectionPeer(c.req.raw, c.env) : socketPeer(node.incoming);
  });
  const nodeGate = new NodeGate(gate);
  return async (c: C, next: () => Promise<void>): Promise<Response | undefined> => {
    const node = nodeOf(c.env);
    const entry = node === undefined ? gate.enter(c) : nodeGate.enter(c, node.incoming, node.outgoing);
    if (entry?.allowed === false) {
      const { status, headers, body } = answerTo(gate, entry, node);
      const response = c.body(body, status, headers);
      turnedAway.add(response);
      return response;
    }
    if (entry === undefined) {
      await next();
      return undefined;
    }
    entry.limitTime(node === undefined ? c.req.raw : undefined);
    await next(); // It never throws: an error is an answer by now.
    entry.inTime();
    if (node === undefined) {
      const response = ended(gate, entry, c.res, c.req.raw);
      if (response !== c.res) c.res = response;
    }
    return undefined;
  };
}

function nodeOf(handed: unknown): OnNode | undefined {
  const { outgoing } = (handed ?? {}) as Partial<OnNode>;
  return typeof outgoing?.on === 'function' ? (handed as OnNode) : undefined;
}

function answerTo<R>(gate: HttpGate<R>, refusal: Refusal<R>, node: OnNode | undefined): HttpAnswer {
  const answer = gate.refuse(refusal);
  if (node === undefined) return answer;
  turnedAway.add(node.outgoing);
  if (isLongUpload(node.incoming)) answer.headers['Connection'] = 'close';
  return answer;
}

/** The handler has answered. Settles the request, unless its body is a stream; then that does. */
function ended<R>(gate: HttpGate<R>, passage: Passage<R>, response: Response, request: FetchRequest): Response {
  if (turnedAway.has(response)) {
    passage.abandon();
    return response;
  }
  const { status, body } = response ?? {};
  // What the handler could not finish because nobody waits for it is a 500 by now. Deno warns whoever asks for the signal, so only
  // a failure is worth that.
  if (status !== undefined && status >= 500 && request.signal?.aborted) {
    passage.cancel();
    return response;
  }
  // Bun answers an upgrade with nothing, and nothing can be changed about the answer to one elsewhere.
  if (status === undefined || status < 200) {
    passage.settle({ how: 'done', status });
    return response;
  }
  const fields = gate.fieldsOf(passage);
  if (body === null || !isStreamed(response)) {
    passage.settle({ how: 'done', status });
    return withFields(response, fields);
  }
  return withFields(new Response(watched(body, status, passage), response), fields);
}

/** What `fetch` or `Response.redirect` returned has fields that cannot be changed, so it is copied. */
function withFields(response: Response, fields: Readonly<Record<string, string>> | undefined): Response {
  if (fields === undefined) return response;
  let target = response;
  for (const name in fields) {
    try {
      target.headers.set(name, fields[name] as string);
    } catch {
      target = new Response(response.body, response);
      target.headers.set(name, fields[name] as string);
    }
  }
  return target;
}
