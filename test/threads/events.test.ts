/** Events of other threads: none is torn, and each is either reported or counted as lost. */

import { RateLimiter } from 'peergate';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LimiterEvent, RateLimiter as SourceLimiter } from '../../src/index.js';
import { EVENT_CIRCUIT, type RawEvent, RingReader } from '../../src/wasm/events.js';
import { withMemories } from '../support.js';
import { Crew } from './crew.js';

const test = suite('events of other threads');
/** Not a power of two: what stands in one place of a ring is of another peer each time. */
const PEERS = 7;
const FLIPS = 2_000_000;

/** Whether all words are of one event: in a table whose circuits are flipped in turn they follow from the time. */
function requireWhole({ kind, from, to, slot, time, failures }: RawEvent, slots: Map<number, number>): void {
  const opens = Math.floor(time / PEERS) % 2 === 0;
  const whose = time % PEERS;
  if (!slots.has(whose)) slots.set(whose, slot);
  assert.equal(
    { kind, from, to, slot, failures },
    { kind: EVENT_CIRCUIT, from: opens ? 0 : 4, to: opens ? 4 : 0, slot: slots.get(whose), failures: 0 },
    `at ${time}`,
  );
}

test('a writer that comes in between, after any word that a reader reads, tears no event', () => {
  const { load } = Atomics;
  /** Reads a full ring, while `between` more events are written after the reader's k-th word. */
  const readWhile = (k: number, between: number) => {
    const [limiter, [memory]] = withMemories(() => new SourceLimiter({ maxPeers: 16, clock: () => 0 }));
    let flips = 0;
    const flip = (count: number) => {
      for (const end = flips + count; flips < end; flips++) {
        const id = `peer ${flips % PEERS}`;
        if (Math.floor(flips / PEERS) % 2 === 0) limiter.forceOpen(id, flips);
        else limiter.resetCircuit(id, flips);
      }
    };
    const reader = new RingReader({ memory, maxPeers: 16 } as never, 0);
    flip(256);
    const events: RawEvent[] = [];
    let words = 0;
    Atomics.load = ((words_: Int32Array, at: number) => {
      const word = load(words_, at);
      if (++words === k) flip(between);
      return word;
    }) as never;
    try {
      reader.read(events);
    } finally {
      Atomics.load = load;
    }
    reader.read(events);
    const slots = new Map<number, number>();
    for (const event of events) requireWhole(event, slots);
    assert.is(events.length + reader.lost, 256 + between);
    limiter.close();
  };
  for (let k = 1; k <= 40; k++) for (const between of [1, 3, 256, 257, 600]) readWhile(k, between);
});

test('while a thread writes as fast as it can, a reader sees no event half overwritten, and loses none uncounted', async () => {
  const limiter = new RateLimiter({ shared: true, maxPeers: 16 });
  const crew = new Crew(limiter);
  const memory = limiter.share().memory;
  const reader = new RingReader({ memory, maxPeers: 16 } as never, 2);
  const hand = await crew.hire({ what: 'flip', now: 0, peers: PEERS, flips: FLIPS });
  assert.is(hand.ticket.thread, 2);
  let running = true;
  hand.ended.finally(() => {
    running = false;
  });
  let seen = 0;
  let last = -1;
  const slots = new Map<number, number>();
  const look = () => {
    const events: RawEvent[] = [];
    reader.read(events);
    for (const event of events) {
      assert.ok(event.time > last, `${event.time} after ${last}`);
      last = event.time;
      requireWhole(event, slots);
    }
    seen += events.length;
  };
  while (running) {
    for (let i = 0; i < 50; i++) look();
    await new Promise((resolve) => setImmediate(resolve));
  }
  look();
  await hand.ended;
  console.log(`${seen} of ${FLIPS} events read, ${reader.lost} lost`);
  assert.is(seen + reader.lost, FLIPS);
  assert.is(last, FLIPS - 1, 'the last one is there');
  limiter.close();
});

test('a listener hears of its own thread alone, unless it asks for all', () => {
  const limiter = new SourceLimiter({ shared: true, maxPeers: 16, clock: () => 0 });
  const other = SourceLimiter.attach(limiter.share(), { clock: () => 0 });
  const [own, all]: [LimiterEvent[], LimiterEvent[]] = [[], []];
  limiter.subscribe((event) => own.push(event));
  limiter.subscribe((event) => all.push(event), { allThreads: true });
  limiter.forceOpen('a');
  other.forceOpen('b');
  other.check('b');
  limiter.close();
  assert.equal(
    own.map(({ peer }) => peer),
    ['a'],
  );
  assert.equal(
    all.map(({ kind, peer }) => [kind, peer]),
    [
      ['circuit', 'a'],
      ['circuit', 'b'],
    ],
    'rejections are reported in their own thread',
  );
  other.close();
});

test.run();
