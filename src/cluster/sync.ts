// One limit across machines. This node decides alone; what its peers were given is paid for in the engine a moment later.

import {
  ClosedError,
  ConfigError,
  type Decision,
  isAllowed,
  type Peer,
  type PeerId,
  type RateLimiter,
} from '../index.js';
import { Engine } from './engine.js';
import { type ClusterOptions, type ClusterSettings, resolveOptions } from './options.js';
import { Outage } from './outage.js';
import { Payments } from './payments.js';
import { after } from './timers.js';

/** What was exchanged since the `ClusterSync` was made. */
export interface ClusterStats {
  /** Calls of the engine that charge peers or probe it. A second call after NOSCRIPT counts with the first. */
  readonly exchanges: number;
  /** Keys in those calls. */
  readonly keys: number;
  /** Calls that failed, or took longer than `timeoutMs`. */
  readonly failures: number;
  /** Checks that were rejected for lack of credit, by all threads of the table. */
  readonly creditRejected: number;
  /** How long the last call took that was answered; 0 before. */
  readonly lastRttMs: number;
}

const taken = new WeakSet<RateLimiter>();

/**
 * Makes the limits of a limiter hold across several: those of other processes and machines that have the same configuration, the
 * same engine and the same `namespace`. Decisions never wait: a peer is given tokens here as long as what is not paid for stays
 * within `credit`, and they are paid for in Valkey or Redis when half of the credit is used up, or every `intervalMs`.
 *
 * In any time Δ a peer gets at most burst + rate · Δ + `nodes` · `credit` tokens from all nodes together, however long an exchange
 * takes. Circuits stay local: a node that is sick must not open everybody's.
 *
 * Make it before the first request. One for one limiter; of a shared table, one thread makes it for all.
 *
 * ```ts
 * const client = new Redis(url, { enableOfflineQueue: false, autoResendUnfulfilledCommands: false });
 * const sync = new ClusterSync(limiter, { transport: fromIovalkey(client), nodes: 3 });
 * limiter.check('peer-a');
 * await sync.close();
 * ```
 */
export class ClusterSync {
  readonly #limiter: RateLimiter;
  readonly #settings: ClusterSettings;
  readonly #engine: Engine;
  readonly #payments: Payments;
  readonly #outage: Outage;
  readonly #unwatch: () => void;
  #cancelTick = () => {};
  #ended: Promise<void> | undefined;

  /** @throws ConfigError that names the field, what was expected and what came; ClosedError for a closed limiter. */
  constructor(limiter: RateLimiter, options: ClusterOptions) {
    const settings = resolveOptions(limiter, options);
    if (taken.has(limiter)) throw new ConfigError('limiter', 'one that no other ClusterSync has', limiter);
    const { debts } = limiter;
    debts.setSecret(settings.secret);
    debts.share('credit', settings.nodes, settings.credit);
    taken.add(limiter);
    this.#limiter = limiter;
    this.#settings = settings;
    this.#engine = new Engine(settings.transport, settings.namespace, settings.timeoutMs);
    this.#outage = new Outage(limiter, settings, this.#engine, () => this.#payments.pay(1));
    this.#payments = new Payments(limiter, settings, this.#engine, this.#outage);
    this.#unwatch = debts.watch(() => this.#payments.paySoon());
    this.#tick();
  }

  /** `down` from the first exchange that failed on, until one was answered again. */
  get state(): 'up' | 'down' {
    return this.#outage.state;
  }

  /**
   * Decides with the engine's word: one round trip, and nothing too much is ever given. For what is rare and dear, and for limits
   * below one token for each node.
   *
   * @param cost Tokens, an integer ≥ 1. Default 1.
   * @returns A promise of the decision. It rejects with the transport's error while the engine cannot be reached; the request has
   *   no permit then.
   * @throws TypeError or RangeError for a bad argument, ClosedError after `close()`, each as the promise's rejection.
   */
  async checkStrict(peer: PeerId | Peer, cost = 1): Promise<Decision> {
    if (this.#ended !== undefined) throw new ClosedError();
    if (this.state === 'down') throw this.#outage.error;
    const limiter = this.#limiter;
    const { clock, burstSize, maxRequestsPerSec } = limiter.config;
    const handle = limiter.owns(peer) ? peer : undefined;
    const id = handle === undefined ? (peer as PeerId) : handle.id;
    const decision = limiter.debts.apart(() => handle?.check(cost) ?? limiter.check(id, cost));
    if (!isAllowed(decision)) return decision;
    const { name, shard } = limiter.debts.nameOf(id);
    const burstMs = (burstSize * 1000) / maxRequestsPerSec;
    const ms = cost * this.#tokenMs(id);
    const depthMs = Math.max(burstMs, ms);
    const giveBack = () => {
      limiter.debts.apart(() => limiter.refund(id, cost));
      limiter.recordIgnored(id, decision);
    };
    let came: number;
    try {
      [came] = (await this.#engine.charge(shard, [{ name, ms }], burstMs, depthMs)) as [number];
    } catch (error) {
      giveBack();
      this.#outage.begin(shard, error);
      throw error;
    }
    const row = limiter.debts.rowOf(id);
    if (came < 0 && limiter.config.mode !== 'shadow') giveBack();
    if (row !== undefined) limiter.debts.learn(row, came < 0 ? depthMs - ms - came : came, 0, clock());
    if (came >= 0 || limiter.config.mode === 'shadow') return decision;
    return limiter.debts.rateLimited(Math.ceil(-came));
  }

  /** Pays all debts that there are now. Resolves after one attempt, whether it succeeded or not: see `state`. */
  async flush(): Promise<void> {
    if (this.state === 'down') await this.#outage.probe();
    if (this.state === 'up') await this.#payments.payAll();
  }

  /** Pays what is owed, once, and leaves the limiter with its own limits. The client stays open. */
  close(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  stats(): ClusterStats {
    const { exchanges, keys, lastRttMs } = this.#engine;
    const { failures } = this.#outage;
    return { exchanges, keys, failures, creditRejected: this.#limiter.debts.creditRejected, lastRttMs };
  }

  async #end(): Promise<void> {
    this.#cancelTick();
    this.#unwatch();
    try {
      await this.flush();
      this.#limiter.debts.share('off', this.#settings.nodes, 0);
    } catch (error) {
      // The limiter was closed before: it owes nobody anything.
      if (!(error instanceof ClosedError)) throw error;
    } finally {
      this.#payments.stop();
      this.#outage.stop();
      taken.delete(this.#limiter);
    }
  }

  #tick(): void {
    this.#cancelTick = after(this.#settings.intervalMs, () => {
      this.#tick();
      this.#payments.pay(1);
    });
  }

  /** How long a token of this peer takes to come back on all nodes together. Classes are rounded as the core rounds them. */
  #tokenMs(id: PeerId): number {
    const { classes, maxRequestsPerSec } = this.#limiter.config;
    const name = this.#limiter.getClass(id);
    const factor = name === undefined ? 1 : (classes[name]?.factor ?? 1);
    return 1000 / (maxRequestsPerSec * 2 ** (Math.round(16 * Math.log2(factor)) / 16));
  }
}
