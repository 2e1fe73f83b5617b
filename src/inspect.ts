// How handles and limiters look in logs. Their state is private, so without this Node would print `Peer {}`.

import type { PeerId } from './slots.js';

/** The method that Node's `util.inspect`, and with it `console.log`, asks an object for. Other runtimes ignore it. */
export const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** Node's `inspect`, as it hands itself over. */
export type Inspect = (value: unknown, options: object) => string;

/** Text where the bytes are valid UTF-8, else the bytes. Where the text was cut, a character that was cut is left out. */
export function textOf(bytes: Uint8Array, truncated = false): string | Uint8Array {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: truncated });
  } catch {
    return bytes;
  }
}

/** An ID as a log shows it: as text, or `0x` and the bytes in hexadecimal. */
export function printable(id: PeerId): string {
  const text = typeof id === 'string' ? id : textOf(id);
  if (typeof text === 'string') return text;
  return `0x${Array.from(text, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
