// What a client of gRPC or Connect is told when its call is turned away: a code, a message, and when to try again.
//
//   reason                        code
//   rate_limited, circuit_open    RESOURCE_EXHAUSTED   one peer is over its limit, and the server is well
//   table_full, unavailable       UNAVAILABLE
//   internal                      INTERNAL
//
// When to try again is a `google.rpc.RetryInfo`. It travels in a `google.rpc.Status`, whose few bytes of protobuf are written
// here by hand:
//
//   Status    { 1: int32 code, 2: string message, 3: Any details }
//   Any       { 1: string type_url, 2: bytes value }
//   RetryInfo { 1: Duration retry_delay }
//   Duration  { 1: int64 seconds, 2: int32 nanos }

import type { RefusalReason } from '../../index.js';

/** The codes that are used here, with their numbers in gRPC. */
export const codes = {
  DEADLINE_EXCEEDED: 4,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

/** UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: the server is to blame, as OpenTelemetry has it. */
const FAILURES: readonly unknown[] = [2, 4, 12, 13, 14, 15];

/** Whether a call that ended with this code counts against the peer. */
export function isFailureCode(code: unknown): boolean {
  return FAILURES.includes(code);
}

/** A client cancels at its own deadline, and that reset often comes before the server's timer. */
const DEADLINE_SLACK_MS = 50;

/** Whether a call that is cancelled now was given up at its deadline, which is in the time of `Date.now()`. */
export function isLate(deadlineMs: number): boolean {
  return Date.now() >= deadlineMs - DEADLINE_SLACK_MS;
}

/** The code for a call that is turned away. */
export function codeOf(reason: RefusalReason): 8 | 13 | 14 {
  if (reason === 'internal') return codes.INTERNAL;
  return reason === 'table_full' || reason === 'unavailable' ? codes.UNAVAILABLE : codes.RESOURCE_EXHAUSTED;
}

/** The name of the message that says when to try again. */
export const RETRY_INFO = 'google.rpc.RetryInfo';

/** A `google.rpc.RetryInfo` in bytes. */
export function retryInfo(retryAfterMs: number): readonly number[] {
  const seconds = Math.floor(retryAfterMs / 1000);
  const nanos = (retryAfterMs % 1000) * 1e6;
  return bytesField(1, [...numberField(1, seconds), ...numberField(2, nanos)]);
}

/** A `google.rpc.Status` in bytes, with a `RetryInfo` in it. */
export function statusWithRetryInfo(code: number, message: string, retryAfterMs: number): readonly number[] {
  const any = [...textField(1, `type.googleapis.com/${RETRY_INFO}`), ...bytesField(2, retryInfo(retryAfterMs))];
  return [...numberField(1, code), ...textField(2, message), ...bytesField(3, any)];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return [...bytes, value];
}

/** protobuf leaves out a number that is 0. */
function numberField(field: number, value: number): number[] {
  return value === 0 ? [] : [field << 3, ...varint(value)];
}

function bytesField(field: number, value: readonly number[]): number[] {
  return [(field << 3) | 2, ...varint(value.length), ...value];
}

function textField(field: number, value: string): number[] {
  return bytesField(field, [...new TextEncoder().encode(value)]);
}
