// Ready-made judges for JSON-RPC calls: which error responses say something about the peer that asked.
//
//   how the call ended              clientErrorsIgnored   onlyCodes(-32000)
//   a result                        success               success
//   an error with code -32000       failure               failure
//   -32600, -32601, -32602          ignored               ignored
//   any other code                  failure               ignored
//   a throw or a time-out           by its code: an integer `code` of what was thrown, else -32603
//   cancelled by the client         ignored               ignored

import type { Outcome, Settled } from './outcome.js';
import type { End } from './passage.js';
import { RpcArgumentError } from './rejection.js';

const INTERNAL_ERROR = -32603;
/** The request is invalid, there is no such method, the params do not fit it. */
const CLIENT_ERRORS: ReadonlySet<number> = new Set([-32600, -32601, -32602]);

/**
 * Judges as the guard does, but takes no notice of errors that a clumsy client makes: invalid request (-32600), method not
 * found (-32601), invalid params (-32602). They are ignored, so they neither open a circuit nor reset its run of failures.
 * It takes what `guard.run` and `guardJsonRpc` say of a call, and what the other adapters say of a request.
 *
 * @example
 * guardJsonRpc(server, guard, { classify: clientErrorsIgnored });
 */
export function clientErrorsIgnored(ended: Settled | End): Outcome {
  if (isCancelled(ended)) return 'ignored';
  const code = codeOf(ended);
  if (code === undefined) return 'success';
  return CLIENT_ERRORS.has(code) ? 'ignored' : 'failure';
}

/**
 * A judge for which only errors with one of these codes are failures; every other error is ignored, and a result is a
 * success. What was thrown counts under its integer `code`; without one, and for a time-out, under -32603.
 *
 * @throws TypeError (`ERR_PEERGATE_RPC_ARGUMENT`) for a code that is not an integer, or if there is no code at all.
 *
 * @example
 * guardJsonRpc(server, guard, { classify: onlyCodes(-32000, -32603) });
 */
export function onlyCodes(...codes: readonly number[]): (ended: Settled | End) => Outcome {
  if (codes.length === 0) throw new RpcArgumentError('codes', 'at least one code', undefined);
  for (const code of codes) {
    if (!Number.isSafeInteger(code)) throw new RpcArgumentError('codes', 'integers', code);
  }
  const failures: ReadonlySet<number> = new Set(codes);
  return (ended) => {
    if (isCancelled(ended)) return 'ignored';
    const code = codeOf(ended);
    if (code === undefined) return 'success';
    return failures.has(code) ? 'failure' : 'ignored';
  };
}

function isCancelled(ended: Settled | End): boolean {
  return 'how' in ended && ended.how === 'cancelled';
}

/** The code of the error the call ended with; `undefined` where it ended with a result. */
function codeOf(ended: Settled | End): number | undefined {
  if ('how' in ended) return ended.how === 'done' ? undefined : integerCodeOf(ended.error);
  if ('error' in ended) return integerCodeOf(ended.error);
  const { error } = (ended.value ?? {}) as { readonly error?: unknown };
  return error === undefined || error === null ? undefined : integerCodeOf(error);
}

function integerCodeOf(error: unknown): number {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return Number.isSafeInteger(code) ? (code as number) : INTERNAL_ERROR;
}
