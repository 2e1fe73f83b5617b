/** Tickets to a shared table: each serves one thread and is given back once; an error names what was expected and what came. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../assembly/layout.js';
import { ClosedError, isAllowed, RateLimiter, SharingError, type Ticket } from '../src/index.js';
import { engines } from './engines.js';
import { thrownBy } from './support.js';

const test = suite('tickets');

const sharedLimiter = (options = {}) =>
  new RateLimiter({ shared: true, maxPeers: 8, burstSize: 4, maxRequestsPerSec: 1, clock: () => 0, ...options });
/** What `postMessage` would make of it, as far as one thread can tell. */
const posted = ({ memory, module, thread, tenancy }: Ticket): Ticket => ({ memory, module, thread, tenancy });
const attached = (ticket: Ticket) => RateLimiter.attach(posted(ticket), { clock: () => 0 });
const codeOf = (act: () => unknown) => {
  const error = thrownBy(act);
  assert.instance(error, SharingError);
  return error.code;
};

test('an attached limiter uses the same rows', () => {
  const limiter = sharedLimiter();
  const other = attached(limiter.share());
  for (let i = 0; i < 4; i++) assert.ok(isAllowed((i % 2 ? other : limiter).check('peer')));
  assert.not(isAllowed(limiter.check('peer')));
  assert.not(isAllowed(other.check('peer')));
  assert.is(other.peerCount, 1);
  assert.equal(other.stats(), limiter.stats());
  assert.is(limiter.stats().allowed, 4);
});

test('a permit of one thread is valid in another', () => {
  const limiter = sharedLimiter({ circuitBreakerThreshold: 1 });
  const other = attached(limiter.share());
  assert.is(other.recordFailure('peer', limiter.check('peer')), true);
  assert.is(limiter.getCircuitState('peer'), 'open');
});

test('limits that one thread sets hold for all threads, and all can read them', () => {
  const limiter = sharedLimiter();
  const other = attached(limiter.share());
  assert.equal({ ...other.config, clock: 0, module: 0 }, { ...limiter.config, clock: 0, module: 0 });
  other.configure({ burstSize: 9, onFull: 'reject', circuitBreakerThreshold: 7 });
  const { burstSize, onFull, circuitBreakerThreshold } = limiter.config;
  assert.equal([burstSize, onFull, circuitBreakerThreshold], [9, 'reject', 7]);
  assert.is(limiter.getAvailableTokens('anybody'), 9);
});

test('a handle in one thread pins the row against all threads, until it is released or its thread is detached', () => {
  for (const leave of ['release', 'detach', 'close'] as const) {
    const limiter = sharedLimiter({ maxPeers: 1, onFull: 'reject' });
    const ticket = limiter.share();
    const other = attached(ticket);
    const handles = [other.peer('held'), other.peer('held')];
    handles[0]?.release();
    assert.not(isAllowed(limiter.check('newcomer')), 'one handle is left');
    if (leave === 'release') handles[1]?.release();
    else if (leave === 'detach') limiter.detach(ticket);
    else other.close();
    assert.ok(isAllowed(limiter.check('newcomer')), leave);
  }
});

test('detach is idempotent and returns whether this call detached the thread', () => {
  const limiter = sharedLimiter();
  const ticket = limiter.share();
  assert.is(limiter.detach(posted(ticket)), true);
  assert.is(limiter.detach(posted(ticket)), false);
});

test('a number that was given back serves the next thread, and a late detach with the old ticket does not affect it', () => {
  const limiter = sharedLimiter({ maxPeers: 1, onFull: 'reject' });
  const first = limiter.share();
  limiter.detach(first);
  const second = limiter.share();
  assert.is(second.thread, first.thread);
  attached(second).peer('held');
  assert.is(limiter.detach(first), false);
  assert.not(isAllowed(limiter.check('newcomer')), 'the second tenant still holds its row');
});

test('a ticket serves once: it is refused if it was used or given back before', () => {
  const limiter = sharedLimiter();
  const ticket = limiter.share();
  attached(ticket);
  assert.is(
    codeOf(() => attached(ticket)),
    'ERR_PEERGATE_TICKET',
  );
  limiter.detach(ticket);
  assert.is(
    codeOf(() => attached(ticket)),
    'ERR_PEERGATE_TICKET',
  );
});

test('the next tenant of a number holds nothing that the last one held', () => {
  const limiter = sharedLimiter({ maxPeers: 1, onFull: 'reject' });
  const first = limiter.share();
  attached(first).peer('held');
  limiter.detach(first);
  const second = limiter.share();
  attached(second);
  assert.is(second.thread, first.thread);
  assert.ok(isAllowed(limiter.check('newcomer')));
});

test('a thread that joins clears what its predecessor left unfinished, and touches nothing that other threads are working on', () => {
  const [OTHER, OWN] = [1, 2]; // the bits of threads 0 and 1
  const { LIFE_LIMBO: limbo, LIFE_LIVE: live, LIFE_CLOSING: closing } = layout;
  const cases: readonly (readonly [life: number, pins: number, afterwards: readonly [life: number, pins: number]])[] = [
    [live, 0, [live, 0]],
    [live, OTHER, [live, OTHER]],
    [live, OWN, [live, 0]],
    [live, OWN | OTHER, [live, OTHER]],
    [limbo, 0, [limbo, 0]],
    [limbo, OTHER, [limbo, OTHER]],
    [limbo, OWN, [limbo, 0]],
    [closing, OTHER, [closing, OTHER]],
    [closing, OWN, [live, 0]],
  ];
  for (const [life, pins, expected] of cases) {
    const limiter = sharedLimiter();
    limiter.check('peer');
    const ticket = limiter.share();
    const meta = new Uint32Array(ticket.memory.buffer, layout.ROWS + layout.ROW_META, 2);
    const epoch = (meta[1] as number) >> layout.LIFE_BITS;
    meta.set([pins, (epoch << layout.LIFE_BITS) | life]);
    attached(ticket);
    const [pinsNow = -1, owner = -1] = meta;
    assert.equal([owner & 7, pinsNow, owner >> layout.LIFE_BITS], [...expected, epoch], `life ${life}, pins ${pins}`);
  }
});

test('a free row that a dead thread did not mark as free is found as soon as another thread gets its number', () => {
  // More rows than one attempt to reclaim looks at, and all but one in use.
  const limiter = sharedLimiter({ maxPeers: 1_000, onFull: 'reject' });
  for (let i = 0; i < 1_000; i++) limiter.check(`peer-${i}`);
  limiter.removePeer('peer-700');
  const ticket = limiter.share();
  const cold = layout.coldAt(layout.indexAt(1_000), 1_000);
  const [free, inner] = [layout.freeAt(cold, 1_000), layout.freeInner(1_000)];
  new Uint8Array(ticket.memory.buffer, free, (inner + 16) * 8).fill(0);
  assert.not(isAllowed(limiter.check('newcomer')), 'no thread knows that the row is free');
  attached(ticket);
  assert.ok(isAllowed(limiter.check('newcomer')));
});

test('at most 32 threads can share a table, including the one that made it', () => {
  const limiter = sharedLimiter();
  const tickets = Array.from({ length: 31 }, () => limiter.share());
  assert.is(new Set(tickets.map(({ thread }) => thread)).size, 31);
  assert.is(
    codeOf(() => limiter.share()),
    'ERR_PEERGATE_THREADS',
  );
  limiter.detach(tickets[7] as Ticket);
  assert.is(limiter.share().thread, tickets[7]?.thread);
});

test('memory without a table, or with one of another version, is refused and both values are named', () => {
  const limiter = sharedLimiter();
  const ticket = limiter.share();
  const words = new Uint32Array(ticket.memory.buffer, 1024, 2);
  const [magic, abi] = words as unknown as [number, number];
  words[1] = abi + 41;
  assert.match(thrownBy(() => attached(ticket)).message, new RegExp(`version ${abi}, got one of version ${abi + 41}`));
  words[0] = 99;
  assert.match(thrownBy(() => attached(ticket)).message, new RegExp(`${magic}\\), got memory with 99`));
});

test('a value that is not a ticket is refused, and so is share() of a limiter that is not shared', () => {
  const limiter = sharedLimiter();
  const ticket = limiter.share();
  const bad = [
    null,
    7,
    {},
    { ...ticket, memory: {} },
    { ...ticket, module: 1 },
    { ...ticket, thread: 32 },
    { ...ticket, tenancy: 0.5 },
  ];
  for (const value of bad) {
    assert.is(
      codeOf(() => RateLimiter.attach(value as Ticket)),
      'ERR_PEERGATE_TICKET',
    );
    assert.is(
      codeOf(() => limiter.detach(value as Ticket)),
      'ERR_PEERGATE_TICKET',
    );
  }
  assert.is(
    codeOf(() => new RateLimiter({ maxPeers: 8 }).share()),
    'ERR_PEERGATE_NOT_SHARED',
  );
});

test('a ticket whose parts do not fit together is refused, with what was expected and what came', () => {
  const limiter = sharedLimiter();
  const ticket = limiter.share();
  const memoryOf = (pages: number, shared = true) =>
    new WebAssembly.Memory({ initial: pages, maximum: Math.max(pages, 1), shared });
  const nothing = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
  const plain = engines.find(({ name }) => name === 'release')?.module as WebAssembly.Module;
  const cut = memoryOf(1);
  new Uint8Array(cut.buffer).set(new Uint8Array(ticket.memory.buffer, 0, 65_536));
  new Uint32Array(cut.buffer)[258] = 100_000;
  const revoked = Proxy.revocable({ ...ticket }, {});
  revoked.revoke();
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{ ...ticket, memory: memoryOf(0) }, /expected shared memory with a table, got shared memory of 0 bytes/],
    [{ ...ticket, memory: memoryOf(1) }, /expected memory with a table \(\d+\), got memory with 0/],
    [{ ...ticket, memory: memoryOf(1, false) }, /expected shared memory, got memory that is not shared/],
    [{ ...ticket, memory: cut }, /expected memory of 1\d{7} bytes for 100000 peers, got 65536 bytes/],
    [{ ...ticket, memory: new Proxy(ticket.memory, {}) }, /expected shared memory, got an object that only looks like/],
    [{ ...ticket, module: nothing }, /expected the module that share\(\) gave with its memory, got another module \(/],
    [{ ...ticket, module: plain }, /expected the module that share\(\) gave with its memory, got another module \(/],
    [{ ...ticket, module: new Proxy(ticket.module, {}) }, /expected the module that share\(\) gave/],
    [{ ...ticket, thread: 32 }, /expected a thread from 0 to 31, got 32/],
    [limiter, /expected an object made by share\(\), got a limiter: hand over what its share\(\) gives/],
    [revoked.proxy, /expected an object made by share\(\), got an object whose fields cannot be read/],
    [[ticket], /expected shared memory, got undefined/],
    [new Proxy([ticket], {}), /expected shared memory, got undefined/],
  ];
  for (const [bad, message] of cases) {
    const error = thrownBy(() => RateLimiter.attach(bad as Ticket, { clock: () => 0 }));
    assert.instance(error, SharingError, String(error));
    assert.is(error.code, 'ERR_PEERGATE_TICKET');
    assert.match(error.message, message);
  }
  assert.is(attached(ticket).share().thread, 2, 'the ticket itself is still good');
});

test('a limiter that leaves a shared table is closed, and the others go on', () => {
  const limiter = sharedLimiter();
  const other = attached(limiter.share());
  other.check('peer');
  other.close();
  assert.instance(
    thrownBy(() => other.check('peer')),
    ClosedError,
  );
  assert.ok(isAllowed(limiter.check('peer')));
  assert.is(limiter.getAvailableTokens('peer'), 2);
});

test('after the thread that made the table has left, its number serves another thread', () => {
  const limiter = sharedLimiter();
  const other = attached(limiter.share());
  limiter.close();
  assert.is(other.share().thread, 0);
});

test('a thread without its own clock reads the one that all threads share', () => {
  const limiter = new RateLimiter({ shared: true, maxPeers: 8, burstSize: 1, maxRequestsPerSec: 0.001 });
  const other = RateLimiter.attach(limiter.share());
  const [before, now, after] = [limiter.config.clock(), other.config.clock(), limiter.config.clock()];
  assert.ok(before <= now && now <= after);
});

test('if memory cannot be shared, the error says what is missing', () => {
  const isolated = Object.getOwnPropertyDescriptor(globalThis, 'crossOriginIsolated');
  Object.defineProperty(globalThis, 'crossOriginIsolated', { value: false, configurable: true });
  try {
    const error = thrownBy(() => sharedLimiter());
    assert.is((error as SharingError).code, 'ERR_PEERGATE_SHARED_MEMORY');
    assert.match(error.message, /Cross-Origin-Opener-Policy.*Cross-Origin-Embedder-Policy/);
  } finally {
    if (isolated) Object.defineProperty(globalThis, 'crossOriginIsolated', isolated);
    else Reflect.deleteProperty(globalThis, 'crossOriginIsolated');
  }
});

test.run();
