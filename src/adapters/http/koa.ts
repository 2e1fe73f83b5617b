// The adapter for Koa.

import type { RpcGuard } from '../../index.js';
import { NodeGate, type NodeRequest, type NodeResponse, socketPeer } from './node.js';
import { HttpGate, type HttpOptions } from './rules.js';

/** Koa's `ctx`, as far as most functions need it. Say `ctx: Koa.Context` in a function of yours that needs more. */
export interface KoaContext {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly method: string;
  readonly path: string;
  readonly ip: string;
  get(field: string): string;
  status: number;
  body: unknown;
  set(fields: Readonly<Record<string, string>>): unknown;
}

/**
 * Middleware for Koa. Use it first. As `guardHttp`, but what comes after it has the guard's `timeoutMs`: beyond that the request
 * is a failure, though it is not ended. A body that is streamed has all the time it needs.
 *
 * @throws ConfigError for a bad guard or option.
 *
 * @example
 * app.use(guardKoa(guard, { skip: (ctx) => ctx.path === '/health' }));
 */
export function guardKoa<C extends KoaContext = KoaContext>(
  guard: RpcGuard,
  options: HttpOptions<C> = {},
): (ctx: C, next: () => Promise<unknown>) => Promise<void> {
  const gate = new NodeGate(new HttpGate<C>(guard, options, ({ req }) => socketPeer(req)));
  return async (ctx, next) => {
    const entry = gate.enter(ctx, ctx.req, ctx.res);
    if (entry?.allowed === false) {
      const answer = gate.refuse(entry, ctx.req, ctx.res);
      if (answer === undefined) return;
      ctx.status = answer.status;
      ctx.body = answer.body;
      ctx.set(answer.headers);
      return;
    }
    entry?.limitTime();
    try {
      await next();
    } finally {
      entry?.inTime();
    }
  };
}
