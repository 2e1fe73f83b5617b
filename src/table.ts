// The open table as limiter and handles share it: the core, the way from IDs to its rows, the pins, and looks by ID.

import { requireNow } from './args.js';
import { type Clock, monotonicClockSince } from './clock.js';
import { type ResolvedConfig, resolveConfig } from './config.js';
import { ConfigError } from './errors.js';
import { CIRCUIT_STATES, type CircuitState, Events } from './events.js';
import { limitsFrom, settingsOf } from './settings.js';
import { type PeerId, Slots } from './slots.js';
import { Pins } from './threads/pins.js';
import { joinTable, requireSharedMemory, requireTicket, reserveTicket, type Ticket } from './threads/ticket.js';
import { type Core, createCore, epochOf, requireOpen, slotOf } from './wasm/core.js';
import { coreModule } from './wasm/module.js';
import { keyOf, readHeader, writeOrigin } from './wasm/reading.js';
import { readSettings, readSlowCallMs, type StoredClass, writeSettings } from './wasm/settings.js';

export { CIRCUIT_STATES, type CircuitState } from './events.js';

export class Table {
  readonly core: Core;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly events: Events;
  readonly #module: WebAssembly.Module;
  readonly #pins: Pins | undefined;
  #config: ResolvedConfig;

  private constructor(core: Core, module: WebAssembly.Module, config: ResolvedConfig, seeded: boolean) {
    this.core = core;
    this.slots = new Slots(core, seeded);
    this.clock = config.clock;
    this.events = new Events(core);
    this.#module = module;
    this.#pins = core.threads && new Pins();
    this.#config = config;
  }

  /** A new table; with the key of another one where rows of that are to come. @throws ConfigError where memory for it cannot be had, SharingError where none can be shared. */
  static create(config: ResolvedConfig, key?: Uint8Array, classes: readonly StoredClass[] = []): Table {
    if (config.shared) requireSharedMemory();
    const module = config.module ?? coreModule(config.shared);
    const table = new Table(newCore(module, config), module, config, key !== undefined);
    if (key !== undefined) keyOf(table.core).set(key);
    if (config.shared) writeOrigin(table.core, performance.timeOrigin);
    // The table is empty: no debt has to be carried over, so the instant does not matter.
    table.configure(config, 0, classes);
    return table;
  }

  /** A table that another thread made. @throws ConfigError for a bad clock, SharingError for a bad ticket. */
  static join(ticket: Ticket, clock: Clock | undefined): Table {
    resolveConfig({ clock });
    requireSharedMemory();
    const core = joinTable(ticket);
    const { maxPeers, origin } = readHeader(core.memory);
    const config = resolveConfig({ maxPeers, clock: clock ?? monotonicClockSince(origin), shared: true });
    return new Table(core, ticket.module, config, true);
  }

  get config(): ResolvedConfig {
    if (!this.#config.shared) return this.#config;
    // Without those of this thread's fields that may be off: another thread may have switched them off.
    const { maxPeers, clock, shared, module } = this.#config;
    const fixed = { maxPeers, clock, shared, ...(module && { module }) };
    return Object.freeze({ ...fixed, ...limitsFrom(readSettings(this.core)) });
  }

  /** Without the rest of the configuration, because the guard asks on every call. */
  get slowCallMs(): number | undefined {
    return this.#config.shared ? readSlowCallMs(this.core) : this.#config.slowCallMs;
  }

  /** Classes keep the numbers that they have in `classes`. */
  configure(config: ResolvedConfig, now: number, classes = readSettings(this.core).classes): void {
    requireOpen(this.core);
    writeSettings(this.core, settingsOf(config, classes));
    this.core.configure(now);
    this.#config = config;
  }

  // ── pins ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The peer's row, found or claimed, with a pin for one handle; -1 where none is free. */
  acquire(id: PeerId, now: number): number {
    const ref = this.core.acquire(this.slots.write(id), now);
    if (ref >= 0) this.#pins?.add(ref);
    return ref;
  }

  /** Takes one handle's pin back; nothing happens where that row's life is over. */
  release(ref: number): void {
    if (ref < 0 || this.#pins?.remove(ref) === false) return;
    this.core.release(slotOf(ref), epochOf(ref));
  }

  /** Whether a reference of an earlier era is still its peer's. Where it is not, a handle's pin went with that row. */
  stillHolds(id: PeerId, ref: number): boolean {
    if (this.slots.find(id) === ref) return true;
    this.#pins?.remove(ref);
    return false;
  }

  // ── by ID ──────────────────────────────────────────────────────────────────────────────────────────────────────────

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

  // ── threads ────────────────────────────────────────────────────────────────────────────────────────────────────────

  share(): Ticket {
    requireOpen(this.core);
    this.slots.seed();
    return reserveTicket(this.core, this.#module);
  }

  detach(ticket: Ticket): boolean {
    requireOpen(this.core);
    requireTicket(ticket);
    const { thread, tenancy } = ticket;
    return this.core.threads?.detach(thread, tenancy) === 1;
  }

  /** Closes the table to this instance, for which nothing is decided from then on. */
  close(): void {
    this.events.close();
    this.core.leave();
  }
}

function newCore(module: WebAssembly.Module, config: ResolvedConfig): Core {
  try {
    return createCore(module, config.maxPeers, config.shared);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError('maxPeers', `a table that fits into memory (${error.message})`, config.maxPeers);
  }
}
