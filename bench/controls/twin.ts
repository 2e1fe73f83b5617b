// The core in plain JavaScript: bucket, breaker and permits in typed arrays, and a `Map` from IDs to rows. It shows what
// WebAssembly costs or saves in one decision. It has only what a decision needs: no bound, no reclaiming, no pins, no
// counters for each peer and no reconfiguration. Time is exact to 2⁻²⁰ ms for 99 days; after that a double is too short.
//
//      f64 │ tat │ deadline or lease │            row of 64 bytes, as in the table, so that it is one cache line
//      i32 │ ·   ·   ·   ·           │ epoch │ breaker: generation 14 ─ 2 ─ state 2 ─ 0 │ failures or probes │

const CLOSED = 0;
const OPEN = 1;
const HALF_OPEN = 2;
const GENERATIONS = 1 << 14;

const EPOCH = 4;
const BREAKER = 5;
const RUN = 6;

const RATE_LIMITED = 0;
const CIRCUIT_OPEN = 1;
const REASON_SHIFT = 28;
const NEVER = 0xfffffff;
const LONGEST = 0xffffffe;
const STALE = 0x40000000;

const TICKS_PER_MS = 2 ** 20;
const STEPS_PER_MS = 128;
const NOW_END = 2 ** 41;

export interface TwinLimits {
  readonly maxRequestsPerSec: number;
  readonly burstSize: number;
  readonly circuitBreakerThreshold: number;
  readonly circuitBreakerTimeoutMs: number;
  readonly halfOpenProbes: number;
  readonly probeTimeoutMs: number;
}

export class Twin {
  readonly #f64: Float64Array;
  readonly #i32: Int32Array;
  readonly #slots = new Map<string, number>();
  readonly #clock: () => number;
  /** How long a token and a whole burst take to come back, in ms. */
  readonly #interval: number;
  readonly #tolerance: number;
  readonly #burst: number;
  readonly #threshold: number;
  readonly #timeoutMs: number;
  readonly #probes: number;
  readonly #probeTimeoutMs: number;
  #births = 0;

  constructor(maxPeers: number, limits: TwinLimits, clock = () => performance.now()) {
    const rows = new ArrayBuffer(maxPeers * 64);
    this.#f64 = new Float64Array(rows);
    this.#i32 = new Int32Array(rows);
    this.#clock = clock;
    this.#interval = Math.ceil((1000 * TICKS_PER_MS) / limits.maxRequestsPerSec) / TICKS_PER_MS;
    this.#tolerance = limits.burstSize * this.#interval;
    this.#burst = limits.burstSize;
    this.#threshold = limits.circuitBreakerThreshold;
    this.#timeoutMs = limits.circuitBreakerTimeoutMs;
    this.#probes = limits.halfOpenProbes;
    this.#probeTimeoutMs = limits.probeTimeoutMs;
  }

  // ── by ID ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  check(id: string, cost = 1, now = this.#clock()): number {
    const slot = this.#slots.get(id) ?? this.claim(id);
    return this.checkRow(slot, this.#i32[slot * 16 + EPOCH] as number, cost, now);
  }

  recordSuccess(id: string, permit: number, now = this.#clock()): boolean {
    const slot = this.#slots.get(id);
    return slot !== undefined && this.succeed(slot, permit, now);
  }

  recordFailure(id: string, permit: number, now = this.#clock()): boolean {
    const slot = this.#slots.get(id);
    return slot !== undefined && this.fail(slot, permit, now);
  }

  peer(id: string): TwinPeer {
    const slot = this.#slots.get(id) ?? this.claim(id);
    return new TwinPeer(this, slot, this.#i32[slot * 16 + EPOCH] as number, this.#clock);
  }

  claim(id: string): number {
    const slot = this.#slots.size;
    if (slot * 8 >= this.#f64.length) throw new RangeError('the twin has no row left');
    this.#slots.set(id, slot);
    this.#i32[slot * 16 + EPOCH] = ++this.#births & 0xffff;
    return slot;
  }

  // ── by row ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  checkRow(slot: number, epoch: number, cost: number, now: number): number {
    if (!(Number.isInteger(cost) && cost >= 1)) throw new RangeError('cost');
    if (!(now < NOW_END && now > -NOW_END)) throw new RangeError('now');
    const i32 = this.#i32;
    const f64 = this.#f64;
    const at = slot * 16;
    if (i32[at + EPOCH] !== epoch) return STALE;
    const time = now > 0 ? now : 0;
    const tat = f64[slot * 8] as number;
    const next = (tat > time ? tat : time) + cost * this.#interval;
    let breaker = i32[at + BREAKER] as number;
    if ((breaker & 3) !== CLOSED) {
      const shut = this.#shutFor(slot, time);
      if (shut > 0) return ~((CIRCUIT_OPEN << REASON_SHIFT) | Math.min(shut, LONGEST));
      if (next - time > this.#tolerance) return this.#limited(next - time, cost);
      breaker = this.#letProbe(slot, time);
    } else if (next - time > this.#tolerance) return this.#limited(next - time, cost);
    f64[slot * 8] = next;
    return (epoch << 14) | (breaker >> 2);
  }

  #limited(needed: number, cost: number): number {
    if (cost > this.#burst) return ~((RATE_LIMITED << REASON_SHIFT) | NEVER);
    return ~((RATE_LIMITED << REASON_SHIFT) | Math.min(Math.ceil(needed - this.#tolerance), LONGEST));
  }

  succeed(slot: number, permit: number, now: number): boolean {
    const i32 = this.#i32;
    const at = slot * 16;
    let breaker = i32[at + BREAKER] as number;
    if ((breaker & 3) !== CLOSED) {
      this.#expire(slot, now);
      breaker = i32[at + BREAKER] as number;
    }
    if (permit !== (((i32[at + EPOCH] as number) << 14) | (breaker >> 2))) return false;
    if ((breaker & 3) === OPEN) return false;
    if ((breaker & 3) === HALF_OPEN) this.#enter(slot, CLOSED);
    i32[at + RUN] = 0;
    return true;
  }

  fail(slot: number, permit: number, now: number): boolean {
    const i32 = this.#i32;
    const at = slot * 16;
    this.#expire(slot, now);
    const breaker = i32[at + BREAKER] as number;
    if (permit !== (((i32[at + EPOCH] as number) << 14) | (breaker >> 2))) return false;
    if ((breaker & 3) === OPEN) return false;
    const run = (i32[at + RUN] as number) + 1;
    if ((breaker & 3) === CLOSED && run < this.#threshold) i32[at + RUN] = run;
    else this.#open(slot, now);
    return true;
  }

  // ── the breaker ────────────────────────────────────────────────────────────────────────────────────────────────────

  #enter(slot: number, state: number): void {
    const at = slot * 16 + BREAKER;
    const generation = (((this.#i32[at] as number) >> 2) + 1) % GENERATIONS;
    this.#i32[at] = (generation << 2) | state;
  }

  #open(slot: number, at: number): void {
    this.#enter(slot, OPEN);
    this.#i32[slot * 16 + RUN] = 0;
    this.#f64[slot * 8 + 1] = Math.ceil((Math.max(at, 0) + this.#timeoutMs) * STEPS_PER_MS) / STEPS_PER_MS;
  }

  /** If a lease ended without a result, the circuit opened at that instant. */
  #expire(slot: number, now: number): void {
    const breaker = this.#i32[slot * 16 + BREAKER] as number;
    if ((breaker & 3) !== HALF_OPEN) return;
    const lease = this.#f64[slot * 8 + 1] as number;
    if (now >= lease) this.#open(slot, lease);
  }

  #shutFor(slot: number, now: number): number {
    this.#expire(slot, now);
    const until = this.#f64[slot * 8 + 1] as number;
    const state = (this.#i32[slot * 16 + BREAKER] as number) & 3;
    if (state === HALF_OPEN) {
      return (this.#i32[slot * 16 + RUN] as number) < this.#probes ? 0 : until - Math.floor(now);
    }
    return Math.ceil(until - Math.floor(now * STEPS_PER_MS) / STEPS_PER_MS);
  }

  #letProbe(slot: number, now: number): number {
    const at = slot * 16;
    if (((this.#i32[at + BREAKER] as number) & 3) === OPEN) this.#enter(slot, HALF_OPEN);
    this.#i32[at + RUN] = (this.#i32[at + RUN] as number) + 1;
    this.#f64[slot * 8 + 1] = Math.ceil(now + this.#probeTimeoutMs);
    return this.#i32[at + BREAKER] as number;
  }
}

/** A handle that knows its row, like `Peer`. */
export class TwinPeer {
  readonly #twin: Twin;
  readonly #slot: number;
  readonly #epoch: number;
  readonly #clock: () => number;

  constructor(twin: Twin, slot: number, epoch: number, clock: () => number) {
    this.#twin = twin;
    this.#slot = slot;
    this.#epoch = epoch;
    this.#clock = clock;
  }

  check(cost = 1, now = this.#clock()): number {
    return this.#twin.checkRow(this.#slot, this.#epoch, cost, now);
  }

  recordSuccess(permit: number, now = this.#clock()): boolean {
    return this.#twin.succeed(this.#slot, permit, now);
  }

  recordFailure(permit: number, now = this.#clock()): boolean {
    return this.#twin.fail(this.#slot, permit, now);
  }
}
