// Debts as the core tells of them, and the words in the table's header that a limit across machines uses.

import * as debtLayout from '../../assembly/debt-layout.js';
import * as layout from '../../assembly/layout.js';
import { type Core, threadBlocks } from './core.js';

/** What a row owes. */
export interface Debt extends Name {
  readonly slot: number;
  readonly epoch: number;
  readonly tokens: number;
  /** How long one of them takes to come back. */
  readonly tokenMs: number;
}

/** What a peer is called outside. */
export interface Name {
  /** 22 characters of base64url. */
  readonly name: string;
  /** The low four bits of the first byte. */
  readonly shard: number;
}

const MORE = 1024;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** All debts of at least so many tokens. */
export function readDebts(core: Core, least: number): Debt[] {
  const { buffer, byteOffset } = core.batchRoom;
  const room = new DataView(buffer, byteOffset, debtLayout.DEBTS * debtLayout.DEBT_BYTES);
  const debts: Debt[] = [];
  for (let from = 0; ; ) {
    const came = core.drainOwed(from, least);
    for (let i = 0; i < came % MORE; i++) {
      const at = i * debtLayout.DEBT_BYTES;
      debts.push({
        slot: room.getUint32(at + debtLayout.DEBT_SLOT, true),
        epoch: room.getUint32(at + debtLayout.DEBT_EPOCH, true),
        tokens: room.getUint32(at + debtLayout.DEBT_TOKENS, true),
        tokenMs: room.getFloat64(at + debtLayout.DEBT_TOKEN_MS, true),
        ...readName(core, byteOffset + at + debtLayout.DEBT_DIGEST),
      });
    }
    from = Math.floor(came / MORE);
    if (from === 0) return debts;
  }
}

/** 16 bytes as base64url: 21 characters of six bits and one of two. */
export function readName({ memory }: Core, at: number): Name {
  const bytes = new Uint8Array(memory.buffer, at, debtLayout.DIGEST_BYTES);
  let text = '';
  let bits = 0;
  let held = 0;
  for (let i = 0; i < bytes.length; i++) {
    held = (held << 8) | (bytes[i] as number);
    for (bits += 8; bits >= 6; ) {
      bits -= 6;
      text += ALPHABET[(held >> bits) & 63];
    }
    held &= (1 << bits) - 1;
  }
  return { name: text + ALPHABET[(held << (6 - bits)) & 63], shard: (bytes[0] as number) & 15 };
}

export function writeSecret(core: Core, secret: Uint8Array): void {
  writeConstants(core);
  core.idRoom.set(secret);
  core.setSecret(secret.length);
}

/** The constants of SHA-256: of the cube roots of the first 64 primes, and the square roots of the first eight, the first 32 bits behind the point. */
function writeConstants({ memory }: Core): void {
  const words = new Uint32Array(memory.buffer, layout.AT_SHA, 64 + 8);
  const fraction = (x: number) => (x - Math.floor(x)) * 2 ** 32;
  let primes = 0;
  for (let n = 2; primes < 64; n++) {
    let divisor = 2;
    while (n % divisor !== 0) divisor++;
    if (divisor < n) continue;
    words[primes] = fraction(Math.cbrt(n));
    if (primes < 8) words[64 + primes] = fraction(Math.sqrt(n));
    primes++;
  }
}

export function readCredit({ memory }: Core): number {
  const bytes = new DataView(memory.buffer);
  const limits = bytes.getUint32(layout.AT_FORCE, true);
  return Number(bytes.getBigUint64(limits + layout.LIMITS_CREDIT, true));
}

export function readCreditRejected({ memory, maxPeers }: Core): number {
  const bytes = new DataView(memory.buffer);
  const threads = bytes.getUint32(layout.AT_THREADS, true);
  const start = threadBlocks(maxPeers) + layout.THREAD_CREDIT_REJECTED;
  let sum = 0;
  for (let thread = 0; thread < threads; thread++) {
    sum += Number(bytes.getBigUint64(start + thread * layout.THREAD_BYTES, true));
  }
  return sum;
}

export function writeHint({ memory }: Core, ms: number): void {
  new DataView(memory.buffer).setUint32(layout.AT_HINT, ms, true);
}

const POLL_MS = 2;

interface Waiting {
  readonly async: boolean;
  readonly value: Promise<unknown> | string;
}

/** Calls `act` when another thread says that it is time to pay; returns what ends that. */
export function watchUrgent({ urgent }: Core, act: () => void): () => void {
  const { waitAsync } = Atomics as { waitAsync?: (words: Int32Array, at: number, value: number) => Waiting };
  let ended = false;
  if (waitAsync === undefined) {
    const timer: unknown = setInterval(() => {
      if (Atomics.load(urgent, 0) !== 0) act();
    }, POLL_MS);
    if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function')
      timer.unref();
    return () => clearInterval(timer as number);
  }
  const wait = async () => {
    while (!ended) {
      const { async, value } = waitAsync(urgent, 0, 0);
      if (async) await value;
      else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      if (!ended && Atomics.load(urgent, 0) !== 0) act();
    }
  };
  void wait();
  return () => {
    ended = true;
    Atomics.notify(urgent, 0);
  };
}
