// tRPC's errors: how a rejection is said in them, and how a call that ended with one is judged. They are made and read by their
// structure, which tRPC allows for, so that none of its code is loaded.

import { type End, type Refusal, type RefusalReason, type RpcErrorObject, RpcRejection } from '../../index.js';

const codes: Readonly<Record<RefusalReason, string>> = {
  rate_limited: 'TOO_MANY_REQUESTS',
  circuit_open: 'TOO_MANY_REQUESTS',
  table_full: 'SERVICE_UNAVAILABLE',
  unavailable: 'SERVICE_UNAVAILABLE',
  internal: 'INTERNAL_SERVER_ERROR',
};

/** Codes of an answer to the client that says nothing bad of anybody: those of HTTP's 4xx, as far as they are about the request. */
const ANSWERS: ReadonlySet<unknown> = new Set([
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'PAYMENT_REQUIRED',
  'FORBIDDEN',
  'NOT_FOUND',
  'METHOD_NOT_SUPPORTED',
  'CONFLICT',
  'PRECONDITION_FAILED',
  'UNSUPPORTED_MEDIA_TYPE',
  'UNPROCESSABLE_CONTENT',
  'PRECONDITION_REQUIRED',
  'TOO_MANY_REQUESTS',
]);

/** A call that was turned away, as tRPC knows errors: by their name. */
class TrpcRefusal extends Error {
  override readonly name = 'TRPCError';
  readonly code: string;

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What to throw in a middleware for a call that was turned away. */
export function errorOf(refusal: Pick<Refusal<unknown>, 'reason' | 'decision' | 'error' | 'toRpcError'>): Error {
  const said = refusal.toRpcError();
  const cause = refusal.decision === undefined ? refusal.error : new RpcRejection(said as RpcErrorObject);
  return new TrpcRefusal(codes[refusal.reason], said.message, cause);
}

/**
 * Why and for how long a call was rejected, if it was. tRPC sends clients what your error formatter puts into `data`, so this
 * is where they get it from.
 *
 * @param error What a `TRPCError` may be: of an error formatter, of `onError`, or of `errors` in `responseMeta`.
 *
 * @example
 * const t = initTRPC.context<Context>().create({
 *   errorFormatter: ({ shape, error }) => ({ ...shape, data: { ...shape.data, ...rejectionOf(error) } }),
 * });
 */
export function rejectionOf(error: unknown): RpcErrorObject['data'] | undefined {
  const cause = (error as { readonly cause?: unknown } | null | undefined)?.cause;
  return cause instanceof RpcRejection ? cause.data : undefined;
}

/** How a call ended that ended with this. Undefined for what says nothing about it: a rejection by another guard behind this one. */
export function endOf(error: unknown): End | undefined {
  if (rejectionOf(error) !== undefined) return undefined;
  const code = codeOf(error);
  if (code === 'CLIENT_CLOSED_REQUEST') return { how: 'cancelled', status: code, error };
  // tRPC says BAD_REQUEST of an input that does not fit, which is an answer, and of one that is no JSON, which is not.
  const isUndecodable = code === 'BAD_REQUEST' && (error as Error).cause instanceof SyntaxError;
  return { how: ANSWERS.has(code) && !isUndecodable ? 'done' : 'error', status: code, error };
}

/** tRPC makes an internal error of anything else that is thrown. */
function codeOf(error: unknown): string {
  const { name, code } = (error ?? {}) as { readonly name?: unknown; readonly code?: unknown };
  return name === 'TRPCError' && typeof code === 'string' ? code : 'INTERNAL_SERVER_ERROR';
}
