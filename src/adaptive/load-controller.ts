// Sets the load factor from how late the server is, so that it is asked for what it can do.

import { ConfigError, type RateLimiter, requireKnownFields } from '../index.js';
import { type Sampler, type Signal, sampleEventLoop } from './event-loop.js';
import { LoadLaw, PER_OCTAVE } from './load-law.js';
import { requireLimiter, requireNumber, requireTime, withDefaults } from './options.js';
import { after, untilClosed } from './timer.js';

/** What `new LoadController` takes besides the limiter. */
export interface LoadOptions {
  /**
   * `'event_loop'`: how late the event loop of this thread is. Or a function that returns milliseconds of queueing: how long
   * a request waits in this process before it is worked on. Never the latency of a slow backend. Default `'event_loop'`.
   */
  readonly signal?: 'event_loop' | Signal | undefined;
  /** The delay above which the factor goes down, in ms; 1 … 60 000. Default 20. */
  readonly targetMs?: number | undefined;
  /** How often it acts at most, in ms; 10 … 60 000. Default 250. */
  readonly intervalMs?: number | undefined;
  /** The lowest load factor; 1/256 … 1. Default 1/256. */
  readonly minFactor?: number | undefined;
}

const FIELDS = ['signal', 'targetMs', 'intervalMs', 'minFactor'];
const LEAST_FACTOR = 1 / 256;
const LONGEST_MS = 60_000;

/**
 * Lowers the load factor of a limiter while this server is late, and raises it again when it is not. It reacts to its own
 * queue alone, so it needs no capacity to be configured.
 *
 * One controller for one limiter, or for one shared table: it goes on from the factor that the limiter has.
 *
 * ```ts
 * const load = new LoadController(limiter, { targetMs: 20 });
 * load.start();
 * ```
 *
 * The idea of a target for the delay is that of CoDel (K. Nichols, V. Jacobson, "Controlling queue delay", ACM Queue, 2012).
 */
export class LoadController {
  readonly #limiter: RateLimiter;
  readonly #signal: 'event_loop' | Signal;
  readonly #intervalMs: number;
  readonly #law: LoadLaw;
  #sampler: Sampler | undefined;
  #cancel: (() => void) | undefined;

  /** @throws ConfigError that names the field, what was expected and what came. */
  constructor(limiter: RateLimiter, options: LoadOptions = {}) {
    requireLimiter(limiter);
    requireKnownFields(options, FIELDS);
    const { signal, targetMs, intervalMs, minFactor } = withDefaults(
      { signal: 'event_loop' as 'event_loop' | Signal, targetMs: 20, intervalMs: 250, minFactor: LEAST_FACTOR },
      options,
    );
    if (signal !== 'event_loop' && typeof signal !== 'function') {
      throw new ConfigError('signal', `'event_loop' or a function that returns milliseconds`, signal);
    }
    requireNumber('targetMs', targetMs, 1, LONGEST_MS, 'milliseconds from 1 to 60000');
    requireNumber('intervalMs', intervalMs, 10, LONGEST_MS, 'milliseconds from 10 to 60000');
    requireNumber('minFactor', minFactor, LEAST_FACTOR, 1, 'a number from 1/256 to 1');
    this.#limiter = limiter;
    this.#signal = signal;
    this.#intervalMs = intervalMs;
    // The epsilon: the logarithm of a power of two must not come out below it.
    this.#law = new LoadLaw(targetMs, intervalMs, Math.floor(-PER_OCTAVE * Math.log2(minFactor) + 1e-9));
  }

  /** Reads the signal every `intervalMs` from now on. The timer does not keep the process alive. A second call does nothing. */
  start(): void {
    if (this.#sampler !== undefined) return;
    const signal = this.#signal;
    this.#sampler = signal === 'event_loop' ? sampleEventLoop() : { read: signal, stop: () => {} };
    this.#wait(this.#intervalMs);
  }

  /** Stops reading. The load factor stays as it is: call `limiter.setLoadFactor(1)` where it should not. */
  stop(): void {
    this.#cancel?.();
    this.#sampler?.stop();
    this.#cancel = undefined;
    this.#sampler = undefined;
  }

  /**
   * Takes one reading, and sets the load factor if the law says so. `start()` calls it; you call it in tests, or when you have
   * readings of your own. A reading that is not a finite number moves nothing. A closed limiter stops the controller.
   *
   * @param delayMs Milliseconds of queueing.
   * @param nowMs Milliseconds on the limiter's clock.
   * @throws RangeError for a bad `nowMs`.
   */
  step(delayMs: number, nowMs: number): void {
    requireTime(nowMs);
    untilClosed(
      () => {
        const before = exponentOf(this.#limiter.loadFactor);
        const next = this.#law.next(before, delayMs, nowMs);
        if (next !== before) this.#limiter.setLoadFactor(2 ** (-next / PER_OCTAVE), nowMs);
      },
      () => this.stop(),
    );
  }

  #wait(ms: number): void {
    this.#cancel = after(ms, () => this.#tick());
  }

  #tick(): void {
    const { clock } = this.#limiter.config;
    const nowMs = clock();
    const left = this.#law.dueIn(nowMs);
    // A timer may fire a little early. Without this the law would miss its turn, and act half as often.
    if (left > 0 && left < this.#intervalMs / 2) {
      this.#wait(left);
      return;
    }
    this.#wait(this.#intervalMs);
    this.step(this.#read(), nowMs);
  }

  #read(): number {
    try {
      return this.#sampler?.read() ?? Number.NaN;
    } catch {
      return Number.NaN;
    }
  }
}

function exponentOf(factor: number): number {
  return Math.round(-PER_OCTAVE * Math.log2(factor));
}
