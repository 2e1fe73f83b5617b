// Telling apart what a frame can hold, and writing the errors that the adapter itself answers with (JSON-RPC 2.0, 5.1).

import type { JSONRPCID, JSONRPCRequest } from 'json-rpc-2.0';

/** An id as it came; `undefined` for a notification, which is never answered. */
export type MessageId = JSONRPCID | undefined;

export const PARSE_ERROR = { code: -32700, message: 'Parse error' } as const;
export const INVALID_REQUEST = { code: -32600, message: 'Invalid Request' } as const;
export const INTERNAL_ERROR = { code: -32603, message: 'Internal error' } as const;
/** The answers to a batch have no room together. */
export const TOO_LARGE = { code: -32603, message: 'Response too large' } as const;
/** The limiter is closed: no request can be let in. */
export const UNAVAILABLE = { code: -32603, message: 'Service unavailable', data: { reason: 'unavailable' } } as const;

/** What a response's `error` member holds. */
export interface ErrorMember {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** Whether the server can be asked; what the method makes of its `params` is the server's to say. */
export function isRequest(message: unknown): message is JSONRPCRequest {
  if (typeof message !== 'object' || message === null) return false;
  const { jsonrpc, method, id, result, error } = message as Record<string, unknown>;
  return (
    jsonrpc === '2.0' &&
    typeof method === 'string' &&
    (id === undefined || isId(id)) &&
    result === undefined &&
    error === undefined
  );
}

/** The id to answer under: a notification has none, and where none can be made out it is null. */
export function idOf(message: unknown): MessageId {
  if (isRequest(message)) return message.id;
  const id = typeof message === 'object' && message !== null ? (message as { id?: unknown }).id : null;
  return isId(id) ? id : null;
}

/** One response that carries an error. */
export function errorText(id: JSONRPCID, error: ErrorMember): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}

/** Tells a client how many of its frames were rejected without an answer. Names with `rpc.` are the protocol's own. */
export function rejectedText(count: number): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'rpc.rejected', params: { count } });
}

/** The answer to a batch: always an array, also for a single response; nothing where all were notifications. */
export function batchText(responses: readonly (string | null)[]): string | null {
  const answers = responses.filter((response) => response !== null);
  try {
    return answers.length > 0 ? `[${answers.join(',')}]` : null;
  } catch {
    // They are too long for one text. Only options far above their defaults get here.
    return errorText(null, TOO_LARGE);
  }
}

function isId(id: unknown): id is JSONRPCID {
  return typeof id === 'string' || typeof id === 'number' || id === null;
}
