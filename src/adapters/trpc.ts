// The adapter for tRPC 11: a middleware. It runs before the input is parsed, once a call, also for each call of a batch. tRPC's
// types and its errors are known by their structure, so none of it is loaded.

import { type GateOptions, RpcGate, type RpcGuard } from '../index.js';
import { endOf, errorOf, rejectionOf } from './trpc/errors.js';
import { conclude, watched } from './trpc/stream.js';

export { rejectionOf };

/** What is used of what tRPC hands to a middleware. */
export interface TrpcCall<Context, Result> {
  readonly ctx: Context;
  readonly type: string;
  readonly signal?: AbortSignal | undefined;
  next(): Promise<Result>;
}

/** A middleware that leaves the context as it is. */
export type TrpcMiddleware<Context> = <Result>(call: TrpcCall<Context, Result>) => Promise<Result>;

/** The options of `guardTrpc`. tRPC knows no default for who is calling. */
export type TrpcOptions<Context> = GateOptions<Context> & Required<Pick<GateOptions<Context>, 'peer'>>;

/**
 * Middleware for a base procedure, over HTTP, SSE and WebSockets. Use it before `input`: then nothing is parsed of a call that is
 * turned away. Paths that do not exist never reach a middleware: put `peergate/http` before the server as well.
 *
 * A call fails if it throws anything but one of the errors that HTTP has a 4xx for, or takes longer than the guard's
 * `timeoutMs`; it is not ended for that. One that the client gave up is ignored. The first message of a subscription settles a
 * probe; an error of it later on is a failure.
 *
 * @throws ConfigError for a bad guard or option.
 *
 * @example
 * const procedure = t.procedure.use(guardTrpc(guard, { peer: (ctx: Context) => ctx.user }));
 */
export function guardTrpc<Context>(guard: RpcGuard, options: TrpcOptions<Context>): TrpcMiddleware<Context> {
  const gate = new RpcGate<Context>(guard, options, { name: 'trpc' });
  return async (call) => {
    const { ctx, type, signal, next } = call;
    const entry = gate.enter(ctx);
    if (entry === undefined) return next();
    if (!entry.allowed) {
      entry.answered();
      throw errorOf(entry);
    }
    entry.limitTime(call);
    // Only a probe has to go back at once. For others a listener would cost more than the rest: they look at the signal when
    // they end.
    if (signal !== undefined && entry.wantsProgress) entry.cancelOn(signal);
    // It never rejects: what is thrown behind it is in its result.
    const result = await next();
    const { ok, error, data } = result as { readonly ok: boolean; readonly error?: unknown; readonly data?: unknown };
    const stream = ok ? watched(data, type, entry, endOf) : undefined;
    if (stream !== undefined) {
      entry.inTime();
      if (signal !== undefined) entry.cancelOn(signal);
      return { ...result, data: stream };
    }
    if (signal?.aborted) entry.cancel();
    else conclude(entry, ok ? { how: 'done' } : endOf(error));
    return result;
  };
}
