// The lines of a file or of standard input, unpacked if they are packed.

import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** A longer line is not of an access log. */
export const MOST_CHARS = 2 ** 20;

const CHUNK = 2 ** 20;

export interface Listener {
  /** A line without its end; undefined where it was too long. */
  line(text: string | undefined): void;
  /** So many bytes of the file have been read. */
  read(bytes: number): void;
}

/** Reads a file, or standard input for `-`. Rejects where it cannot be read, or cannot be unpacked to its end. */
export async function readLines(path: string, listener: Listener): Promise<void> {
  const source: Readable = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK });
  const lines = new Lines(listener);
  const decoder = new TextDecoder();
  const take = (chunk: Uint8Array) => lines.take(decoder.decode(chunk, { stream: true }));
  await unpack(source, take, listener);
  lines.take(decoder.decode());
  lines.finish();
}

/** Hands over what the source holds, unpacked if it begins as gzip does, whatever its name is. */
async function unpack(source: Readable, take: (chunk: Uint8Array) => void, listener: Listener): Promise<void> {
  const gunzip = createGunzip({ chunkSize: CHUNK });
  let head: Buffer | undefined = Buffer.alloc(0);
  let packed = false;
  gunzip.on('data', take);
  source.on('data', (chunk: Buffer) => {
    listener.read(chunk.length);
    if (head !== undefined) {
      chunk = Buffer.concat([head, chunk]);
      head = chunk.length < 2 ? chunk : undefined;
      if (head !== undefined) return;
      packed = chunk[0] === 0x1f && chunk[1] === 0x8b;
    }
    if (!packed) take(chunk);
    else if (!gunzip.write(chunk)) {
      source.pause();
      gunzip.once('drain', () => source.resume());
    }
  });
  const unpacked = finished(gunzip);
  unpacked.catch(() => source.destroy());
  try {
    await finished(source, { writable: false });
  } catch (error) {
    if (gunzip.errored === null) throw error;
  }
  if (head !== undefined && head.length > 0) take(head);
  if (!packed) return;
  gunzip.end();
  await unpacked;
}

/** Cuts text into lines. */
class Lines {
  readonly #listener: Listener;
  #rest = '';
  #tooLong = false;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  take(text: string): void {
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#add(text.slice(from, end));
      this.#end();
      from = end + 1;
    }
    this.#add(text.slice(from));
  }

  /** The last line may have no end. */
  finish(): void {
    if (this.#rest !== '' || this.#tooLong) this.#end();
  }

  #end(): void {
    const line = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest;
    this.#listener.line(this.#tooLong ? undefined : line);
    this.#rest = '';
    this.#tooLong = false;
  }

  #add(text: string): void {
    if (this.#tooLong || this.#rest.length + text.length > MOST_CHARS) {
      this.#tooLong = true;
      this.#rest = '';
    } else {
      this.#rest = this.#rest === '' ? text : this.#rest + text;
    }
  }
}
