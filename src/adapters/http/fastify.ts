// The adapter for Fastify.

import type { Decision, End, Outcome, PeerId, RpcGuard, RpcPeer } from '../../index.js';
import { NodeGate, type NodeRequest, type NodeResponse, socketPeer } from './node.js';
import { HttpGate, type HttpOptions } from './rules.js';

/** What Fastify hands over, as far as most functions need it. You may write `FastifyRequest` for it in functions of your own. */
export interface FastifyRequestLike {
  readonly raw: NodeRequest;
  readonly headers: NodeRequest['headers'];
  readonly method: string;
  readonly url: string;
  readonly ip: string;
}

/** What is used of Fastify's reply. */
export interface FastifyReplyLike {
  readonly raw: NodeResponse;
  code(status: number): unknown;
  headers(fields: Readonly<Record<string, string>>): unknown;
  send(body: Uint8Array): unknown;
}

/** What is used of a Fastify instance. */
export interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown;
}

/** The options of `fastifyPeergate`: those of `HttpOptions`, and the guard. */
export interface FastifyOptions extends Pick<HttpOptions<FastifyRequestLike>, 'headers' | 'circuitOpenStatus'> {
  readonly guard: RpcGuard;
  // Methods, so that they may ask for a `FastifyRequest`, whose type this package does not have.
  peer?(request: FastifyRequestLike): PeerId | RpcPeer | undefined;
  cost?(request: FastifyRequestLike): number;
  skip?(request: FastifyRequestLike): boolean;
  classify?(end: End, request: FastifyRequestLike): Outcome;
  onReject?(decision: Decision, request: FastifyRequestLike, passedOver: number): void;
}

const encoder = new TextEncoder();

/**
 * Plugin for Fastify. It is not encapsulated: it sees every request of the server, also those for which there is no route.
 * Otherwise it does as `guardHttp`.
 *
 * @throws ConfigError for a bad guard or option, which `ready` and `listen` report.
 *
 * @example
 * await app.register(fastifyPeergate, { guard, skip: ({ url }) => url === '/health' });
 */
export function fastifyPeergate(app: FastifyLike, options: FastifyOptions, done: (error?: Error) => void): void {
  let gate: NodeGate<FastifyRequestLike>;
  try {
    const peer = ({ raw }: FastifyRequestLike) => socketPeer(raw);
    gate = new NodeGate(new HttpGate<FastifyRequestLike>(options.guard, options, peer, ['guard']));
  } catch (error) {
    // Thrown, it would end the process.
    done(error as Error);
    return;
  }
  app.addHook('onRequest', (request, reply, next) => {
    const entry = gate.enter(request, request.raw, reply.raw);
    if (entry === undefined || entry.allowed) {
      next();
      return;
    }
    const answer = gate.refuse(entry, request.raw, reply.raw);
    if (answer === undefined) return;
    reply.code(answer.status);
    reply.headers(answer.headers);
    // Of a text, Fastify would say in which charset it is, which this type does not have.
    reply.send(encoder.encode(answer.body));
  });
  done();
}

// What `fastify-plugin` would set: the hook belongs to the whole server, and the plugin has a name.
Object.assign(fastifyPeergate, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'peergate',
  [Symbol.for('plugin-meta')]: { name: 'peergate', fastify: '5.x' },
});
