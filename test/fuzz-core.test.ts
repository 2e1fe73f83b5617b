/**
 * The core's exports called raw with numbers that make no sense, before and after the table is open: they cannot trap,
 * so no call here stands in a `try`.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../assembly/layout.js';
import { RateLimiter } from '../src/index.js';
import { engines } from './engines.js';
import { between, chance, pick, withMemories } from './support.js';

const SEED = 0x5eed_0005;
const CALLS = 150_000;
const PAGE_BYTES = 65_536;

type Export = (...args: number[]) => unknown;

/** One of each kind that a number can be wrong in, and some that are right. */
const NUMBERS: readonly number[] = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1, 0.5, -0.5, 2, 3, 7, 8, 63, 64, 65],
  ...[
    1_023,
    1_024,
    1_025,
    4_095,
    4_096,
    2 ** 14,
    2 ** 16,
    2 ** 24 - 1,
    2 ** 24,
    2 ** 28,
    2 ** 29,
    2 ** 30 - 1,
    2 ** 30,
  ],
  ...[
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    2 ** 32 - 1,
    2 ** 32,
    2 ** 40,
    2 ** 41,
    2 ** 48,
    2 ** 53,
    2 ** 61,
    2 ** 63,
    2 ** 64,
  ],
  ...[Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, -Number.MIN_VALUE, 1e-9, 1_000, 1e6, 1e9, 1.7e12],
];

function anything(random: () => number): number {
  const kind = random();
  if (kind < 0.6) return pick(random, NUMBERS);
  if (kind < 0.8) return between(random, 0, 20);
  return (random() - 0.5) * 2 ** between(random, 0, 66);
}

for (const { name, module, using } of engines) {
  const test = suite(`raw exports (${name})`);
  const described = WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'function');

  const instantiate = (pages: number) => {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: using.shared === true });
    const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<string, Export>;
    return { memory, exports };
  };
  /** The pages of memory that a table of so many rows has. */
  const pagesFor = (maxPeers: number): number => {
    const [, [memory]] = withMemories(() => new RateLimiter({ maxPeers, ...using }));
    return (memory?.buffer.byteLength ?? 0) / PAGE_BYTES;
  };
  const callAnything = (exports: Record<string, Export>, random: () => number, without: readonly string[] = []) => {
    const names = described.map((each) => each.name).filter((each) => !without.includes(each));
    const called = pick(random, names);
    const target = exports[called] as Export;
    return target(...Array.from({ length: target.length }, () => anything(random)));
  };

  test('it imports nothing but its memory, and exports functions of numbers', () => {
    assert.equal(WebAssembly.Module.imports(module), [{ module: 'env', name: 'memory', kind: 'memory' }]);
    const { exports } = instantiate(4);
    for (const { name: each } of described) {
      const target = exports[each] as Export;
      const came = target(...new Array<number>(target.length).fill(0));
      assert.ok(came === undefined || typeof came === 'number', `${each} gave ${typeof came}`);
    }
  });

  test('nothing traps before a table is open', () => {
    console.log(`raw exports (${name}): seed ${SEED}`);
    const random = chance(SEED);
    for (const pages of [1, 2, 4]) {
      const { exports } = instantiate(pages);
      for (let i = 0; i < CALLS / 10; i++) callAnything(exports, random, ['init']);
    }
  });

  test('a table that does not fit the memory is refused, whatever its size', () => {
    const random = chance(SEED + 1);
    for (const pages of [1, 2, 17]) {
      for (let i = 0; i < 200; i++) {
        const { exports } = instantiate(pages);
        for (let j = 0; j < 20; j++) callAnything(exports, random);
      }
    }
  });

  test('init makes one table in memory that is large enough for it, and says whether it did', () => {
    const pages = pagesFor(1_000);
    const threads = using.shared ? layout.MAX_THREADS : 1;
    const small = instantiate(pages - 1).exports;
    assert.is(small.init?.(1_000, threads), 0);
    assert.is(small.init?.(1, 1), 1, 'a smaller one fits');
    const { exports } = instantiate(pages);
    for (const [rows, members] of [
      [0, 1],
      [1, 0],
      [1, layout.MAX_THREADS + 1],
    ] as const) {
      assert.is(exports.init?.(rows, members), 0, `${rows} rows, ${members} threads`);
    }
    assert.is(exports.init?.(1_000, threads), 1);
    assert.is(exports.init?.(1_000, threads), 0, 'the memory holds a table already');
  });

  test('init makes a table for as many peers as slots have numbers, and not for one more', () => {
    // Memory that nobody writes to costs nothing.
    const [index, blocks] = [layout.indexAt(layout.MAX_PEERS), 4 * layout.THREAD_BYTES];
    const free = layout.freeAt(layout.coldAt(index, layout.MAX_PEERS), layout.MAX_PEERS);
    const { exports } = instantiate(Math.ceil((free + layout.MAX_PEERS / 4 + blocks) / PAGE_BYTES));
    assert.is(exports.init?.(layout.MAX_PEERS + 1, 1), 0);
    assert.is(exports.init?.(layout.MAX_PEERS, 1), 1);
  });

  test('nothing traps on an open table, and nothing is written outside it', () => {
    const random = chance(SEED + 2);
    for (const rows of [1, 2, 17, 100]) {
      const pages = pagesFor(rows);
      const { memory, exports } = instantiate(pages + 1);
      const beyond = new Uint8Array(memory.buffer, pages * PAGE_BYTES);
      beyond.fill(0xa5);
      assert.ok(exports.init?.(rows, 1));
      for (let i = 0; i < CALLS; i++) callAnything(exports, random, ['leave', 'detach']);
      for (let i = 0; i < CALLS / 100; i++) callAnything(exports, random);
      assert.ok(
        beyond.every((byte) => byte === 0xa5),
        `${rows} rows`,
      );
    }
  });

  test.run();
}
