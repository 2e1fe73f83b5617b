// The adapter for Fastify.

import type { RpcGuard } from '../../index.js';
import { NodeGate, type NodeRequest, type NodeResponse, socketPeer } from './node.js';
import { HttpGate, type HttpOptions } from './rules.js';

/** What is used of Fastify's request. */
export interface FastifyRequestLike {
  readonly raw: NodeRequest;
}

/** What is used of Fastify's reply. */
export interface FastifyReplyLike {
  readonly raw: NodeResponse;
  code(status: number): unknown;
  headers(fields: Readonly<Record<string, string>>): unknown;
  send(body: string): unknown;
}

/** What is used of a Fastify instance. */
export interface FastifyLike<R extends FastifyRequestLike = FastifyRequestLike> {
  addHook(name: 'onRequest', hook: (request: R, reply: FastifyReplyLike, done: () => void) => void): unknown;
}

/** The options of `fastifyPeergate`. */
export interface FastifyOptions<R> extends HttpOptions<R> {
  readonly guard: RpcGuard;
}

/**
 * Plugin for Fastify. It is not encapsulated: it sees every request of the server, also those for which there is no route.
 * Otherwise it does as `guardHttp`.
 *
 * @throws ConfigError for a bad guard or option, which `ready` and `listen` report.
 *
 * @example
 * await app.register(fastifyPeergate, { guard, peer: (request) => request.headers['x-api-key'] });
 */
export function fastifyPeergate<R extends FastifyRequestLike = FastifyRequestLike>(
  app: FastifyLike<R>,
  options: FastifyOptions<R>,
  done: (error?: Error) => void,
): void {
  let gate: NodeGate<R>;
  try {
    const { guard, ...own } = options;
    gate = new NodeGate(new HttpGate<R>(guard, own, ({ raw }) => socketPeer(raw)));
  } catch (error) {
    // Thrown, it would end the process.
    done(error as Error);
    return;
  }
  app.addHook('onRequest', (request, reply, next) => {
    const entry = gate.enter(request, reply.raw);
    if (entry === undefined || entry.allowed) {
      next();
      return;
    }
    const answer = gate.refuse(entry, request.raw, reply.raw);
    if (answer === undefined) return;
    reply.code(answer.status);
    reply.headers(answer.headers);
    reply.send(answer.body);
  });
  done();
}

// What `fastify-plugin` would set: the hook belongs to the whole server, and the plugin has a name.
Object.assign(fastifyPeergate, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'peergate',
  [Symbol.for('plugin-meta')]: { name: 'peergate', fastify: '5.x' },
});
