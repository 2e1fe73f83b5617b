// What a limit across machines needs of the table: the debts of its peers, their names outside, and to be told what came of
// paying. The way in is `RateLimiter.debts`; the entry `peergate/cluster` goes it.

import type { Decision } from './decision.js';
import type { PeerId } from './slots.js';
import type { Table } from './table.js';
import { epochOf, RETRY_MAX, requireOpen, slotOf } from './wasm/core.js';
import {
  type Debt,
  type Name,
  readCredit,
  readCreditRejected,
  readDebts,
  readName,
  watchUrgent,
  writeHint,
  writeSecret,
} from './wasm/owing.js';

export type { Debt } from './wasm/owing.js';

/** How the limit holds: by credit; or while nobody can be paid by shares, by this machine's limits alone, or not at all. */
export type Mode = 'off' | 'credit' | 'share' | 'local' | 'closed';

/** In the order of the core's codes. */
const MODES: readonly Mode[] = ['off', 'credit', 'share', 'local', 'closed'];

/** @internal */
export class Debts {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** Says how the limit holds. A credit of 0 stands for half of a burst, divided among the nodes. */
  share(mode: Mode, nodes: number, credit: number): void {
    requireOpen(this.#table.core);
    this.#table.core.share(MODES.indexOf(mode), nodes, credit);
  }

  /** With which peers are named outside. */
  setSecret(secret: Uint8Array): void {
    requireOpen(this.#table.core);
    this.#table.slots.seed();
    writeSecret(this.#table.core, secret);
  }

  /** What a peer is called outside. */
  nameOf(id: PeerId): Name {
    const { core, slots } = this.#table;
    return readName(core, core.digest(slots.write(id)));
  }

  /** All debts of at least so many tokens, as they are now. They stay until `learn` says what was paid. */
  owed(least: number): Debt[] {
    requireOpen(this.#table.core);
    return readDebts(this.#table.core, least);
  }

  /** Takes what was paid from a debt, and what all machines have given into the bucket. What is owed still; -1: the row is another's. */
  learn({ slot, epoch }: Row, debtMs: number, paid: number, now: number): number {
    return this.#table.core.learn(slot, epoch, debtMs, paid, now);
  }

  /** How far the peer's bucket is from being full, in ms. */
  debtMs({ slot, epoch }: Row, now: number): number {
    return this.#table.core.debtMs(slot, epoch, now);
  }

  /** The peer's row, if it has one. */
  rowOf(id: PeerId): Row | undefined {
    const ref = this.#table.slots.find(id);
    return ref < 0 ? undefined : { slot: slotOf(ref), epoch: epochOf(ref) };
  }

  /** The rejection of a peer that has to wait so long. */
  rateLimited(ms: number): Decision {
    return ~Math.min(ms, RETRY_MAX) as Decision;
  }

  /** Runs something of which nothing is counted as owed. */
  apart<T>(act: () => T): T {
    const { core } = this.#table;
    requireOpen(core);
    core.apart(1);
    try {
      return act();
    } finally {
      core.apart(0);
    }
  }

  /** The credit in force, in tokens. */
  get credit(): number {
    return readCredit(this.#table.core);
  }

  /** Rejections for lack of credit, by all threads. */
  get creditRejected(): number {
    return readCreditRejected(this.#table.core);
  }

  /** The retry-after of such rejections from now on. */
  set hintMs(ms: number) {
    writeHint(this.#table.core, ms);
  }

  /** Calls `act` whenever a peer owes half of its credit. Returns what ends that. */
  watch(act: () => void): () => void {
    const { core, events } = this.#table;
    events.onUrgent = act;
    const stop = core.threads === undefined ? () => {} : watchUrgent(core, act);
    return () => {
      events.onUrgent = undefined;
      stop();
    };
  }

  /** The next debt that is large is told of again. */
  calm(): void {
    this.#table.core.urgent[0] = 0;
  }
}

/** A row's life. */
export interface Row {
  readonly slot: number;
  readonly epoch: number;
}
