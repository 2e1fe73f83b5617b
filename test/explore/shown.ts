// An access in words: what stands where in a table, for those who read how a fault came about.

import * as layout from '../../assembly/layout.js';
import { CAS32, CAS64 } from './build.js';
import type { Access } from './machine.js';

export function shown({ kind, at, a, b, found }: Access, rows: number): string {
  const hex = (word: bigint) => `0x${BigInt.asUintN(64, word).toString(16)}`;
  const name = ['load', 'store', 'load', 'store', 'swap', 'swap', 'add', 'or', 'and'][kind];
  const isSwap = kind === CAS32 || kind === CAS64;
  const given = isSwap ? ` ${hex(a)} → ${hex(b)}` : name === 'load' ? '' : ` ${hex(a)}`;
  return `${name} ${placeOf(at, rows)}${given}, found ${hex(found)}${isSwap && found !== a ? ' (lost)' : ''}`;
}

const HEADER_WORDS: Record<number, string> = {
  [layout.AT_BIRTHS]: 'births',
  [layout.AT_FRESH]: 'fresh rows',
  [layout.AT_HAND]: 'the hand',
  [layout.AT_FORCE]: 'limits in force',
  [layout.AT_SWEPT]: 'limits swept',
  [layout.AT_MEMBERS]: 'members',
};

const ROW_WORDS: Record<number, string> = {
  [layout.ROW_META]: 'META',
  [layout.ROW_META + 4]: 'META',
  [layout.ROW_FINGERPRINT]: 'fingerprint',
  [layout.ROW_BUCKET]: 'bucket',
  [layout.ROW_BREAKER]: 'breaker',
  [layout.ROW_WINDOW]: 'window',
  [layout.ROW_OWED]: 'owed',
  [layout.ROW_PEER]: 'peer',
};

function placeOf(at: number, rows: number): string {
  const index = layout.indexAt(rows);
  const cold = layout.coldAt(index, rows);
  const free = layout.freeAt(cold, rows);
  const blocks = layout.threadsAt(free, layout.freeInner(rows), rows);
  if (at >= blocks) {
    const offset = (at - blocks) % layout.THREAD_BYTES;
    const what = offset < layout.THREAD_LIMITS ? 'counters' : 'limits';
    return `byte ${offset} (${what}) of thread ${Math.floor((at - blocks) / layout.THREAD_BYTES)}`;
  }
  if (at >= free) return 'free slots';
  if (at >= cold) return `cold record ${Math.floor((at - cold) / layout.COLD_BYTES)}`;
  if (at >= index) return `index entry ${(at - index) / layout.ENTRY_BYTES}`;
  if (at >= layout.ROWS) {
    const offset = (at - layout.ROWS) % layout.ROW_BYTES;
    return `${ROW_WORDS[offset] ?? offset} of row ${Math.floor((at - layout.ROWS) / layout.ROW_BYTES)}`;
  }
  if (at >= layout.STRIPES) return `stripe ${(at - layout.STRIPES) / 8}`;
  return HEADER_WORDS[at] ?? `header byte ${at - layout.HEADER}`;
}
