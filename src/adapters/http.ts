// The adapters for Node's HTTP servers: `node:http`, Express, Connect and whatever takes its middleware, here; Koa and Fastify in
// http/. They load no framework. What HTTP says is in http/rules.ts, what they share of Node is in http/node.ts.

import type { RpcGuard } from '../index.js';
import { NodeGate, type NodeRequest, type NodeResponse, socketPeer } from './http/node.js';
import { type HttpAnswer, HttpGate, type HttpOptions } from './http/rules.js';

export {
  type FastifyLike,
  type FastifyOptions,
  type FastifyReplyLike,
  type FastifyRequestLike,
  fastifyPeergate,
} from './http/fastify.js';
export { guardKoa, type KoaContext } from './http/koa.js';
export type { HttpOptions, NodeRequest, NodeResponse };

/** Express, Connect and `node:http` take it. Where `next` is not called, the request has been answered. */
export type HttpMiddleware<R extends NodeRequest> = (request: R, response: NodeResponse, next: () => void) => void;

/**
 * Middleware for Express, Connect and `node:http`. Put it first, before anything that reads bodies.
 *
 * Default peer: the address of the socket, as `addressPeer` names it. Behind a proxy, give
 * `peer: (req) => addressPeer(clientAddress(req, { trust }))`. A status of 500 or more is a failure; a request that the client
 * gave up is ignored. It sets no time limit: a handler that never answers is judged when its connection ends.
 *
 * @throws ConfigError for a bad guard or option.
 *
 * @example
 * app.use(guardHttp(guard, { skip: (req) => req.path === '/health' }));          // Express
 *
 * @example
 * const limit = guardHttp(guard);
 * createServer((req, res) => limit(req, res, () => handle(req, res)));          // node:http
 */
export function guardHttp<R extends NodeRequest = NodeRequest>(
  guard: RpcGuard,
  options: HttpOptions<R> = {},
): HttpMiddleware<R> {
  const gate = new NodeGate(new HttpGate<R>(guard, options, socketPeer));
  return (request, response, next) => {
    const entry = gate.enter(request, request, response);
    if (entry?.allowed === false) {
      const answer = gate.refuse(entry, request, response);
      if (answer !== undefined) write(answer, response);
      return;
    }
    try {
      next();
    } catch (error) {
      entry?.settle({ how: 'error', error });
      throw error;
    }
  };
}

function write({ status, headers, body }: HttpAnswer, response: NodeResponse): void {
  response.statusCode = status;
  for (const name in headers) response.setHeader(name, headers[name] as string);
  response.end(body);
}
