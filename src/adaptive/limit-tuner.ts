// Finds the rate that nearly all peers stay below, from what they ask for.

import { ConfigError, type RateLimiter, requireKnownFields } from '../index.js';
import { Demand } from './demand.js';
import { requireLimiter, requireNumber, requireTime, withDefaults } from './options.js';
import { after, untilClosed } from './timer.js';
import { type Counted, Windows } from './windows.js';

/** What `new LimitTuner` takes besides the limiter. */
export interface TunerOptions {
  /** The fraction of peers that the limit shall not touch; 0.5 … 0.9999. Default 0.99. */
  readonly percentile?: number | undefined;
  /** What their demand is multiplied by; 1 … 10. Default 1.15. */
  readonly margin?: number | undefined;
  /** The lowest `maxRequestsPerSec` it may set; 0 < x ≤ `max`. Default 10. */
  readonly min?: number | undefined;
  /** The highest; at most 10⁶. Default 1 000. */
  readonly max?: number | undefined;
  /** Peers without which it proposes nothing; an integer 1 … 1 000 000. Default 100. */
  readonly minPeers?: number | undefined;
  /** Whether it sets what it proposes. Default false. */
  readonly apply?: boolean | undefined;
}

/** What the tuner would set, and what that is based on. */
export interface TunerProposal {
  /** The limit that it goes to, in steps of at most 10 % an hour. */
  readonly maxRequestsPerSec: number;
  /** Established peers that asked for something since the last hourly decision. */
  readonly peers: number;
  /** Those of them that were rejected most of the time. They may want more than can be known. */
  readonly censored: number;
}

const DEFAULTS = { percentile: 0.99, margin: 1.15, min: 10, max: 1_000, minPeers: 100, apply: false };
const MOST_PER_SEC = 1e6;
const WINDOW_MS = 60_000;
const HOUR_MS = 3_600_000;
/** The longest step, and what is too near to be worth one. */
const STEP = 0.1;
/** With a larger share censored, who asks for more is not the exception. */
const MOST_CENSORED = 1 / 5;

/**
 * Proposes the `maxRequestsPerSec` that fits what established peers ask for: the demand that `percentile` of them stay
 * below, times `margin`. With `apply` it goes there by at most a tenth an hour; the burst keeps its ratio to the rate.
 *
 * It counts requests, from `limiter.peers()`: use it where a request costs one token.
 *
 * ```ts
 * const tuner = new LimitTuner(limiter, { min: 20, max: 500 });
 * tuner.start();
 * setInterval(() => console.log(tuner.proposal), 3_600_000);
 * ```
 */
export class LimitTuner {
  readonly #limiter: RateLimiter;
  readonly #options: typeof DEFAULTS;
  /** Of the hours before this one. */
  #demand = new Demand();
  readonly #windows: Windows;
  #lookedAt: number | undefined;
  #decidedAt = 0;
  /** Whether the load factor was 1 when this window began. */
  #wasFree = false;
  #burstPerRate: number;
  #rate: number;
  #proposal: TunerProposal | undefined;
  #holding = false;
  #cancel: (() => void) | undefined;

  /** @throws ConfigError that names the field, what was expected and what came. */
  constructor(limiter: RateLimiter, options: TunerOptions = {}) {
    requireLimiter(limiter);
    requireKnownFields(options, Object.keys(DEFAULTS));
    this.#options = checked(withDefaults(DEFAULTS, options));
    this.#limiter = limiter;
    this.#windows = new Windows(limiter);
    const { maxRequestsPerSec, burstSize } = limiter.config;
    this.#rate = maxRequestsPerSec;
    this.#burstPerRate = burstSize / maxRequestsPerSec;
  }

  /** What it would set; undefined until it has seen `minPeers` established peers. */
  get proposal(): TunerProposal | undefined {
    return this.#proposal;
  }

  /** Whether it stays where it is because more peers are at the limit than can be told from an attack. Raise it by hand if they are honest. */
  get holding(): boolean {
    return this.#holding;
  }

  /** Calls `step` once a minute from now on. The timer does not keep the process alive. A second call does nothing. */
  start(): void {
    if (this.#cancel === undefined) this.#tick();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /**
   * Looks at the table, at most once a minute, and decides, at most once an hour. Call it as often as you like: `start()` does so
   * once a minute. It walks over all rows. A closed limiter stops the tuner.
   *
   * @param nowMs Milliseconds on the limiter's clock.
   * @throws RangeError for a bad `nowMs`.
   */
  step(nowMs: number): void {
    requireTime(nowMs);
    untilClosed(
      () => this.#step(nowMs),
      () => this.stop(),
    );
  }

  #tick(): void {
    this.#cancel = after(WINDOW_MS, () => this.#tick());
    untilClosed(
      () => this.step(this.#limiter.config.clock()),
      () => this.stop(),
    );
  }

  #step(nowMs: number): void {
    const isFree = this.#limiter.loadFactor === 1;
    if (this.#lookedAt === undefined || nowMs < this.#lookedAt) {
      this.#windows.look(nowMs, 0);
      this.#decidedAt = nowMs;
    } else {
      const passedMs = nowMs - this.#lookedAt;
      if (passedMs < WINDOW_MS) return;
      // Under load peers do not get what they ask for, for a reason of ours: such a window tells nothing.
      this.#windows.look(nowMs, isFree && this.#wasFree ? passedMs : 0);
      this.#propose(nowMs);
    }
    this.#lookedAt = nowMs;
    this.#wasFree = isFree;
  }

  #propose(nowMs: number): void {
    const { minPeers, min, max } = this.#options;
    const passedMs = nowMs - this.#decidedAt;
    const demand = this.#demand.aged(passedMs);
    const counted = this.#windows.tell((perSec, isCensored) => demand.add(perSec, isCensored, passedMs));
    const isKnown = counted.peers >= minPeers;
    if (isKnown) {
      const target = Math.min(Math.max(this.#target(demand, counted), min), max);
      this.#proposal = { maxRequestsPerSec: target, ...counted };
    }
    if (passedMs < HOUR_MS) return;
    this.#demand = demand;
    this.#decidedAt = nowMs;
    this.#windows.beginHour();
    if (isKnown && this.#options.apply && !this.#holding) this.#apply(nowMs);
  }

  #target(demand: Demand, { peers, censored }: Counted): number {
    const { percentile, margin, minPeers } = this.#options;
    const current = this.#limiter.config.maxRequestsPerSec;
    const asked = demand.percentile(percentile);
    const wanted = asked === undefined ? current : asked * margin;
    const isShort = censored > peers * (1 - percentile);
    this.#holding = isShort && (censored > peers * MOST_CENSORED || peers - censored < minPeers);
    if (this.#holding) return current;
    return isShort ? Math.max(wanted, current * (1 + STEP)) : wanted;
  }

  #apply(nowMs: number): void {
    const { maxRequestsPerSec, burstSize } = this.#limiter.config;
    if (maxRequestsPerSec !== this.#rate) this.#burstPerRate = burstSize / maxRequestsPerSec;
    this.#rate = maxRequestsPerSec;
    const rate = this.#next(maxRequestsPerSec, this.#proposal?.maxRequestsPerSec ?? maxRequestsPerSec);
    if (rate === maxRequestsPerSec) return;
    this.#limiter.configure(
      { maxRequestsPerSec: rate, burstSize: Math.max(Math.round(rate * this.#burstPerRate), 1) },
      nowMs,
    );
    this.#rate = rate;
  }

  /** One step on the way. What is outside of the bounds goes to the nearest one: whoever set them meant that. */
  #next(from: number, to: number): number {
    const { min, max } = this.#options;
    if (from < min || from > max) return Math.min(Math.max(from, min), max);
    const ratio = to / from;
    // A whole step is worth taking, however its ratio was rounded.
    if (Math.abs(ratio - 1) < STEP * (1 - 1e-9)) return from;
    return from * Math.min(Math.max(ratio, 1 - STEP), 1 + STEP);
  }
}

function checked(options: typeof DEFAULTS): typeof DEFAULTS {
  const { percentile, margin, min, max, minPeers, apply } = options;
  requireNumber('percentile', percentile, 0.5, 0.9999, 'a number from 0.5 to 0.9999');
  requireNumber('margin', margin, 1, 10, 'a number from 1 to 10');
  requireNumber('max', max, Number.MIN_VALUE, MOST_PER_SEC, 'a number above 0 and at most 1000000');
  requireNumber('min', min, Number.MIN_VALUE, max, 'a number above 0 and at most max');
  requireNumber('minPeers', minPeers, 1, 1_000_000, 'an integer from 1 to 1000000');
  if (!Number.isInteger(minPeers)) throw new ConfigError('minPeers', 'an integer from 1 to 1000000', minPeers);
  if (typeof apply !== 'boolean') throw new ConfigError('apply', 'true or false', apply);
  return options;
}
