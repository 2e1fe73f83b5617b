// The open table as limiter and handles share it: the core, the way from IDs to its rows, and the looks by ID.

import type { Clock } from './clock.js';
import type { ResolvedConfig } from './config.js';
import { type PeerId, Slots } from './slots.js';
import { type Core, createCore, epochOf, ON_FULL_OVERFLOW, ON_FULL_REJECT, slotOf } from './wasm/core.js';
import { requireNow } from './args.js';

/** A circuit breaker's state. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/** In the order of the core's codes. */
export const CIRCUIT_STATES: readonly CircuitState[] = ['closed', 'open', 'half_open'];

export class Table {
  readonly core: Core;
  readonly slots: Slots;
  readonly clock: Clock;
  #config: ResolvedConfig;

  constructor(module: WebAssembly.Module, config: ResolvedConfig) {
    this.core = createCore(module, config.maxPeers);
    this.slots = new Slots(this.core);
    this.clock = config.clock;
    this.#config = config;
    // The table is empty: no debt has to be carried over, so the instant does not matter.
    this.configure(config, 0);
  }

  get config(): ResolvedConfig {
    return this.#config;
  }

  configure(config: ResolvedConfig, now: number): void {
    this.core.configure(
      config.maxRequestsPerSec,
      config.burstSize,
      config.circuitBreakerThreshold,
      config.circuitBreakerTimeoutMs,
      config.halfOpenProbes,
      config.probeTimeoutMs,
      config.onFull === 'reject' ? ON_FULL_REJECT : ON_FULL_OVERFLOW,
      now,
    );
    this.#config = config;
  }

  refund(id: PeerId, cost: number): void {
    const ref = this.slots.find(id);
    if (ref >= 0) this.core.refund(slotOf(ref), epochOf(ref), cost);
  }

  /** A peer without a row looks like a new one. */
  circuitState(id: PeerId, now: number): CircuitState {
    requireNow(now);
    const ref = this.slots.find(id);
    return CIRCUIT_STATES[this.core.circuitState(slotOf(ref), epochOf(ref), now)] as CircuitState;
  }

  availableTokens(id: PeerId, now: number): number {
    requireNow(now);
    const ref = this.slots.find(id);
    return this.core.availableTokens(slotOf(ref), epochOf(ref), now);
  }
}
