// The answer to a call that is turned away before Connect has seen it. Each of the protocols that Connect speaks has its own
// form, and the content type says which one the client speaks.
//
//   application/json, application/proto    HTTP status and a JSON error
//   application/connect+…                  200, and one end-of-stream message with the JSON error
//   application/grpc…                      200, and the status in the trailers
//   application/grpc-web…                  200, and one trailer message, in base64 for `-text`

import type { Refusal } from '../../index.js';
import { codeOf, codes, RETRY_INFO, retryInfo, statusWithRetryInfo } from '../grpc/status.js';

/** An answer, ready to be written. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  readonly trailers?: Readonly<Record<string, string>>;
}

/** The name of a code in Connect, and its HTTP status. */
const named = {
  [codes.RESOURCE_EXHAUSTED]: ['resource_exhausted', 429],
  [codes.INTERNAL]: ['internal', 500],
  [codes.UNAVAILABLE]: ['unavailable', 503],
} as const;

/** Marks the last message of a stream in Connect, and the trailers in gRPC-web. */
const END_STREAM = 0x02;
const TRAILERS = 0x80;

export function answerTo(refusal: Refusal<never>, contentType: string): Answer {
  const { retryAfterMs, reason } = refusal;
  const code = codeOf(reason);
  const { message } = refusal.toRpcError();
  const [name, status] = named[code];
  const isGrpc = contentType.startsWith('application/grpc');
  if (!isGrpc) {
    const details = retryAfterMs === null ? [] : [{ type: RETRY_INFO, value: base64(retryInfo(retryAfterMs)) }];
    const error = { code: name, message, details };
    if (contentType.startsWith('application/connect+')) {
      return ok(contentType, enveloped(END_STREAM, JSON.stringify({ error })));
    }
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (retryAfterMs !== null) headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000));
    return { status, headers, body: JSON.stringify(error) };
  }
  const trailers: Record<string, string> = {
    'grpc-status': String(code),
    'grpc-message': encodeURIComponent(message),
    ...pushback(refusal),
  };
  if (retryAfterMs !== null) {
    trailers['grpc-status-details-bin'] = base64(statusWithRetryInfo(code, message, retryAfterMs));
  }
  if (!contentType.startsWith('application/grpc-web')) {
    return { ...ok(contentType, ''), trailers };
  }
  const lines = Object.entries(trailers).map(([field, value]) => `${field}: ${value}\r\n`);
  const body = enveloped(TRAILERS, lines.join(''));
  return ok(
    contentType,
    contentType.startsWith('application/grpc-web-text') ? btoa(String.fromCharCode(...body)) : body,
  );
}

/** How long a client with a retry policy of gRPC waits. Where nothing was decided, that is its own affair. */
export function pushback({ decision, retryAfterMs }: Refusal<never>): Record<string, string> {
  return decision === undefined ? {} : { 'grpc-retry-pushback-ms': `${retryAfterMs ?? -1}` };
}

function ok(contentType: string, body: Uint8Array | string): Answer {
  return { status: 200, headers: { 'content-type': contentType }, body };
}

/** One message of a stream: flags, length, bytes. */
function enveloped(flags: number, text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const message = new Uint8Array(5 + bytes.length);
  message[0] = flags;
  new DataView(message.buffer).setUint32(1, bytes.length);
  message.set(bytes, 5);
  return message;
}

/** Without padding, as both protocols write it. */
function base64(bytes: readonly number[]): string {
  return btoa(String.fromCharCode(...bytes)).replace(/=+$/, '');
}
