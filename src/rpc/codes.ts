// What a JSON-RPC client is told when its request is turned away: the codes, and the `error` member that carries them.
//
//   reason          default                        EIP-1474
//   rate_limited    -32001 ERR_RATE_LIMITED        -32005 limit exceeded
//   circuit_open    -32002 ERR_CIRCUIT_BREAKER     -32002 resource unavailable
//   table_full      as rate_limited                as rate_limited

import { type Reason, reasonOf, retryAfterMs } from '../decision.js';
import { ArgumentRangeError, ConfigError, shown } from '../errors.js';
import { requireKnownFields } from '../options.js';

/** The peer sent more than its bucket holds. */
export const ERR_RATE_LIMITED = -32001;

/** The peer's circuit is open: too many of its requests failed in a row. */
export const ERR_CIRCUIT_BREAKER = -32002;

/** The codes a guard answers with. Integers; `tableFull` defaults to `rateLimited`. */
export interface RpcErrorCodes {
  readonly rateLimited: number;
  readonly circuitOpen: number;
  readonly tableFull?: number;
}

const standard: RpcErrorCodes = { rateLimited: ERR_RATE_LIMITED, circuitOpen: ERR_CIRCUIT_BREAKER };

/** Codes for Ethereum clients (EIP-1474), to whom -32001 would say that a resource was not found. */
export const eip1474: RpcErrorCodes & { readonly tableFull: number } = Object.freeze({
  rateLimited: -32005,
  circuitOpen: -32002,
  tableFull: -32005,
});

/** Why a request was rejected. */
export type RejectionReason = Exclude<Reason, 'allowed'>;

/** What a JSON-RPC response takes as its `error` member. */
export interface RpcErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data: {
    readonly reason: RejectionReason;
    /** Whole milliseconds until it is worth another try; `null` where waiting cannot help. */
    readonly retryAfterMs: number | null;
  };
}

const messages: Record<RejectionReason, string> = {
  rate_limited: 'Rate limit exceeded',
  circuit_open: 'Circuit breaker open',
  table_full: 'No room for another peer',
};

/** The caller's codes, complete and frozen. @throws ConfigError for one that is no integer. */
export function errorCodesOf(codes: RpcErrorCodes | undefined): Required<RpcErrorCodes> {
  if (codes !== undefined) requireKnownFields(codes, ['rateLimited', 'circuitOpen', 'tableFull'], 'errorCodes');
  const { rateLimited, circuitOpen, tableFull = rateLimited } = codes ?? standard;
  const complete = { rateLimited, circuitOpen, tableFull };
  for (const [name, code] of Object.entries(complete)) {
    if (!Number.isSafeInteger(code)) throw new ConfigError(`errorCodes.${name}`, 'an integer', code);
  }
  return Object.freeze(complete);
}

/** @throws RangeError (`ERR_PEERGATE_DECISION`) for what no check gives back. */
export function requireDecision(value: number, most = 2 ** 30 - 1, expected = 'what a check gave back'): void {
  if (Number.isInteger(value) && value <= most && value >= -(2 ** 30)) return;
  throw new ArgumentRangeError('ERR_PEERGATE_DECISION', `decision: expected ${expected}, got ${shown(value)}`);
}

/** The error object for a rejection. @throws RangeError (`ERR_PEERGATE_DECISION`) for anything else. */
export function errorObjectOf(decision: number, codes: Required<RpcErrorCodes>): RpcErrorObject {
  requireDecision(decision, -1, 'a rejection');
  const reason = reasonOf(decision) as RejectionReason;
  const waitMs = retryAfterMs(decision);
  return {
    code: codeOf(reason, codes),
    message: messages[reason],
    data: { reason, retryAfterMs: Number.isFinite(waitMs) ? waitMs : null },
  };
}

function codeOf(reason: RejectionReason, codes: Required<RpcErrorCodes>): number {
  if (reason === 'circuit_open') return codes.circuitOpen;
  return reason === 'rate_limited' ? codes.rateLimited : codes.tableFull;
}
