// What a connection needs of a transport, and the size and text of what arrives there.

/** A message as sockets deliver it: text, bytes, or bytes in fragments. */
export type FrameData = string | ArrayBuffer | Uint8Array | readonly Uint8Array[];

/** What is sent: text, or bytes. */
export type Message = string | Uint8Array;

/**
 * A socket that carries whole messages. `WebSocket` of `ws` is one; docs/rpc.md shows how to make one of others.
 *
 * `pause` and `resume` must reach the transport, so that it is the sender who waits. A few messages that were already
 * taken in may still be delivered after `pause`.
 */
export interface MessageSocket {
  /** As of the WebSocket standard: 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Bytes handed to `send` that the transport has not yet taken. */
  readonly bufferedAmount: number;
  on(event: 'message', listener: (data: FrameData) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  send(message: Message): void;
  pause(): void;
  resume(): void;
  /** Starts the closing handshake. */
  close(code: number, reason: string): void;
  /** Drops the connection at once. */
  terminate(): void;
}

/** The `readyState` in which messages go both ways. */
export const OPEN = 1;

/** The size in bytes, or a number above `limit` as soon as it is clear that it is larger. */
export function frameBytes(data: FrameData, limit: number): number {
  // A code unit takes one to three bytes, so most texts need no counting.
  if (typeof data === 'string') return data.length * 3 <= limit ? data.length : textBytes(data, limit);
  if (!Array.isArray(data)) return (data as ArrayBuffer | Uint8Array).byteLength;
  let bytes = 0;
  for (const fragment of data as readonly Uint8Array[]) bytes += fragment.byteLength;
  return bytes;
}

/** The text of a message. @throws TypeError where the bytes are not UTF-8. */
export function frameText(data: FrameData): string {
  if (typeof data === 'string') return data;
  if (!Array.isArray(data)) return utf8.decode(data as ArrayBuffer | Uint8Array);
  // A character may lie across two fragments, so the decoder keeps state from one to the next and is used once.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  for (const fragment of data as readonly Uint8Array[]) text += decoder.decode(fragment, { stream: true });
  return text + decoder.decode();
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The bytes of a text in UTF-8, or a number above `limit` as soon as it is clear that there are more. */
export function textBytes(text: string, limit: number): number {
  if (text.length > limit) return text.length;
  let bytes = 0;
  for (let i = 0; i < text.length && bytes <= limit; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800 || (unit & 0xf800) === 0xd800) bytes += 2;
    else bytes += 3;
  }
  return bytes;
}
