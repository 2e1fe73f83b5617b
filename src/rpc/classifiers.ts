// Ready-made judges for JSON-RPC calls: which error responses say something about the peer that asked.
//
//   how the call ended              clientErrorsIgnored   onlyCodes(-32000)
//   a result                        success               success
//   an error with code -32000       failure               failure
//   -32600, -32601, -32602          ignored               ignored
//   any other code                  failure               ignored
//   a throw or a time-out           by its code: an integer `code` of what was thrown, else -32603

import type { Classify, Outcome, Settled } from './outcome.js';
import { RpcArgumentError } from './rejection.js';

const INTERNAL_ERROR = -32603;
/** The request is invalid, there is no such method, the params do not fit it. */
const CLIENT_ERRORS: ReadonlySet<number> = new Set([-32600, -32601, -32602]);

/**
 * Judges as the guard does, but takes no notice of errors that a clumsy client makes: invalid request (-32600), method not
 * found (-32601), invalid params (-32602). They are ignored, so they neither open a circuit nor reset its run of failures.
 *
 * @example
 * guardJsonRpc(server, guard, { classify: clientErrorsIgnored });
 */
export function clientErrorsIgnored(settled: Settled): Outcome {
  const code = codeOf(settled);
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
export function onlyCodes(...codes: readonly number[]): Classify<unknown> {
  if (codes.length === 0) throw new RpcArgumentError('codes', 'at least one code', undefined);
  for (const code of codes) {
    if (!Number.isSafeInteger(code)) throw new RpcArgumentError('codes', 'integers', code);
  }
  const failures: ReadonlySet<number> = new Set(codes);
  return (settled) => {
    const code = codeOf(settled);
    if (code === undefined) return 'success';
    return failures.has(code) ? 'failure' : 'ignored';
  };
}

/** The code of the error the call ended with; `undefined` where it ended with a result. */
function codeOf(settled: Settled): number | undefined {
  const response = 'error' in settled ? settled : settled.value;
  const error = (response as { readonly error?: unknown } | null | undefined)?.error;
  if (!('error' in settled) && (error === undefined || error === null)) return undefined;
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return Number.isSafeInteger(code) ? (code as number) : INTERNAL_ERROR;
}
