/**
 * The limiter and its oracle side by side. A step is plain data, so that a failing run can be kept as a vector; `take`
 * does it to both and fails where they differ.
 */

import * as assert from 'uvu/assert';
import { type Decision, isAllowed, type Peer, RateLimiter, reasonOf, retryAfterMs } from '../../src/index.js';
import type { Engine } from '../engines.js';
import { Oracle } from '../oracle.js';
import type { Result } from '../oracle-breaker.js';
import { tickOfDeadline, tickOfLease } from '../oracle-time.js';
import type { OracleHandle, OracleLimits, Ticket, Verdict } from '../oracle-types.js';

/** Which of the tickets handed out so far a result is given with: the nth last of a peer's, or none. */
export interface TicketChoice {
  readonly peer: number;
  readonly nth: number;
}

export type Step =
  | { readonly op: 'check'; readonly peer: number; readonly cost: number; readonly timed: boolean }
  | { readonly op: 'record'; readonly peer: number; readonly result: Result; readonly ticket: TicketChoice | null }
  | { readonly op: 'refund'; readonly peer: number; readonly cost: number }
  | { readonly op: 'remove'; readonly peer: number }
  | { readonly op: 'look'; readonly peer: number }
  | { readonly op: 'list' }
  | { readonly op: 'configure'; readonly limits: Partial<OracleLimits> }
  /** With a clock that is so many ms off for this one call. */
  | { readonly op: 'configureOff'; readonly limits: Partial<OracleLimits>; readonly ms: number }
  | { readonly op: 'handle'; readonly peer: number }
  | { readonly op: 'handleCheck'; readonly handle: number; readonly cost: number; readonly timed: boolean }
  | {
      readonly op: 'handleRecord';
      readonly handle: number;
      readonly result: Result;
      readonly ticket: TicketChoice | null;
    }
  | { readonly op: 'handleRefund'; readonly handle: number; readonly cost: number }
  | { readonly op: 'handleLook'; readonly handle: number }
  | { readonly op: 'release'; readonly handle: number }
  | { readonly op: 'checkMany'; readonly handles: readonly number[]; readonly cost: number }
  | { readonly op: 'pass'; readonly ms: number }
  | { readonly op: 'jump'; readonly ms: number }
  | { readonly op: 'edge'; readonly peer: number; readonly ms: number };

/** Names and bytes; what stands at place i in `KEYS` names what stands there in `IDS`. */
export const IDS: readonly (string | Uint8Array)[] = [
  'a',
  'peer-b',
  new Uint8Array([0xff, 0x00]),
  'Zoë',
  '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo',
  new Uint8Array([0xc3]),
  'peer-g',
];
export const KEYS: readonly string[] = IDS.map(keyOf);
/** A second before the clock's end: in the last one a failure is dated up to half a second early. */
const TIME_END = 2 ** 41 - 1_024;
/** Beyond this, times are kept to 2⁻¹⁰ ms, so that every sum of them is exact. */
const COARSE_FROM = 2 ** 30;

interface Given {
  readonly decision: Decision;
  readonly ticket: Ticket;
}

interface HandlePair {
  readonly real: Peer;
  readonly model: OracleHandle;
}

function keyOf(id: string | Uint8Array): string {
  return typeof id === 'string' ? id : `bytes ${id.join(' ')}`;
}

export class World {
  readonly limiter: RateLimiter;
  readonly oracle: Oracle;
  readonly handles: HandlePair[] = [];
  now = 0;
  readonly #given: Given[][] = IDS.map(() => []);

  constructor(using: Engine['using'], maxPeers: number, limits: OracleLimits) {
    this.limiter = new RateLimiter({ ...limits, maxPeers, clock: () => this.now, ...using });
    this.oracle = new Oracle(maxPeers, limits, using.shared && 1_000);
    this.oracle.vanished = () => this.#vanished();
  }

  /** Does one step to both; whether there was anything to do. Throws where they differ. */
  take(step: Step): boolean {
    if (!this.#take(step)) return false;
    assert.equal(this.limiter.stats(), this.oracle.stats);
    assert.is(this.limiter.peerCount, this.oracle.rows.size);
    return true;
  }

  #take(step: Step): boolean {
    const { limiter, oracle, now } = this;
    switch (step.op) {
      case 'check': {
        const [id, key] = this.#peer(step.peer);
        const decision = step.timed ? limiter.check(id, step.cost, now) : limiter.check(id, step.cost);
        return this.#decided(step.peer, decision, oracle.check(key, step.cost, now));
      }
      case 'record': {
        const [id, key] = this.#peer(step.peer);
        const given = this.#ticket(step.ticket);
        const counted = limiter[methodOf(step.result)](id, given?.decision, now);
        return agree(counted, oracle.record(key, step.result, given?.ticket, now));
      }
      case 'refund': {
        const [id, key] = this.#peer(step.peer);
        limiter.refund(id, step.cost);
        oracle.refund(key, step.cost);
        return true;
      }
      case 'remove': {
        const [id, key] = this.#peer(step.peer);
        return agree(limiter.removePeer(id), oracle.remove(key));
      }
      case 'look': {
        const [id, key] = this.#peer(step.peer);
        assert.is(limiter.getCircuitState(id, now), oracle.circuitState(key, now));
        return agree(limiter.getAvailableTokens(id, now), oracle.availableTokens(key, now));
      }
      case 'list':
        return this.#list();
      case 'configure':
        limiter.configure(step.limits, now);
        oracle.configure(step.limits, now);
        return true;
      case 'configureOff':
        this.#goTo(now + step.ms);
        limiter.configure(step.limits, this.now);
        oracle.configure(step.limits, this.now);
        return this.#goTo(now);
      case 'pass':
        return this.#goTo(now + step.ms);
      case 'jump':
        return this.#goTo(step.ms);
      case 'edge':
        return this.#goToEdge(step.peer, step.ms);
      case 'handle': {
        const [id, key] = this.#peer(step.peer);
        const real = limiter.peer(id, now);
        this.handles.push({ real, model: oracle.handle(key, now) });
        return true;
      }
      case 'checkMany':
        return this.#checkMany(step.handles, step.cost);
      default:
        return this.#useHandle(step);
    }
  }

  #useHandle(step: Extract<Step, { readonly handle: number }>): boolean {
    const pair = this.handles.at(step.handle % Math.max(1, this.handles.length));
    if (pair === undefined) return false;
    const { oracle, now } = this;
    const { real, model } = pair;
    switch (step.op) {
      case 'handleCheck': {
        const decision = step.timed ? real.check(step.cost, now) : real.check(step.cost);
        return this.#decided(KEYS.indexOf(model.key), decision, oracle.checkHandle(model, step.cost, now));
      }
      case 'handleRecord': {
        const given = this.#ticket(step.ticket);
        const counted = real[methodOf(step.result)](given?.decision, now);
        return agree(counted, oracle.recordHandle(model, step.result, given?.ticket, now));
      }
      case 'handleRefund':
        real.refund(step.cost);
        oracle.refund(model.key, step.cost);
        return true;
      case 'handleLook':
        assert.is(real.circuitState, oracle.circuitState(model.key, now));
        return agree(real.availableTokens, oracle.availableTokens(model.key, now));
      case 'release':
        real.release();
        oracle.release(model);
        return true;
    }
  }

  #checkMany(picks: readonly number[], cost: number): boolean {
    if (this.handles.length === 0) return false;
    const pairs = picks.map((pick) => this.handles[pick % this.handles.length] as HandlePair);
    // With two newcomers in one call it could not be seen from outside which of them took whose row.
    const unheld = new Set(
      pairs.filter(({ model }) => this.oracle.rows.get(model.key)?.life !== model.life || model.life === undefined),
    );
    if (unheld.size > 1) return false;
    const decisions = new Int32Array(pairs.length);
    this.limiter.checkMany(
      pairs.map(({ real }) => real),
      decisions,
      cost,
      this.now,
    );
    for (const [i, { model }] of pairs.entries()) {
      this.#decided(KEYS.indexOf(model.key), decisions[i] as Decision, this.oracle.checkHandle(model, cost, this.now));
    }
    return true;
  }

  #decided(peer: number, decision: Decision, verdict: Verdict): true {
    assert.is(reasonOf(decision), verdict.reason);
    assert.is(retryAfterMs(decision), verdict.retryAfterMs);
    assert.is(isAllowed(decision), verdict.reason === 'allowed');
    assert.is(decision === 0, verdict.ticket === 'overflow');
    this.#given[peer]?.push({ decision, ticket: verdict.ticket });
    return true;
  }

  #list(): boolean {
    const { oracle, now } = this;
    const rows = [...this.limiter.peers(now)].map(({ id, ...row }) => ({ ...row, id: keyOf(id) }));
    const expected = [...oracle.rows.values()].map(({ key, allowed, rateLimited, circuitRejected, failures }) => ({
      id: key,
      circuitState: oracle.circuitState(key, now),
      availableTokens: oracle.availableTokens(key, now),
      ...{ allowed, rateLimited, circuitRejected, failures },
    }));
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
    assert.equal(rows.sort(byId), expected.sort(byId));
    return true;
  }

  #peer(place: number): readonly [id: string | Uint8Array, key: string] {
    return [IDS[place] as string | Uint8Array, KEYS[place] as string];
  }

  #ticket(choice: TicketChoice | null): Given | undefined {
    const given = this.#given[choice?.peer ?? -1];
    return given?.[Math.max(0, given.length - 1 - (choice?.nth ?? 0))];
  }

  #vanished(): string | undefined {
    const there = new Set([...this.limiter.peers(this.now)].map(({ id }) => keyOf(id)));
    const gone = [...this.oracle.rows.keys()].filter((key) => !there.has(key));
    assert.ok(gone.length <= 1, `one newcomer made ${gone.join(' and ')} vanish`);
    return gone[0];
  }

  #goTo(ms: number): boolean {
    const bounded = Math.min(TIME_END, Math.max(-1e6, ms));
    const grain = Math.abs(bounded) > COARSE_FROM ? 2 ** 10 : 2 ** 20;
    this.now = Math.floor(bounded * grain) / grain;
    return true;
  }

  /** To where something is due for the peer: its deadline, its lease's end, or its bucket full; give or take a little. */
  #goToEdge(place: number, ms: number): boolean {
    const row = this.oracle.rows.get(KEYS[place] as string);
    if (row === undefined) return false;
    const { breaker } = row;
    let due = row.tat;
    if (breaker.state === 'open') due = tickOfDeadline(breaker.deadline);
    if (breaker.state === 'half_open') due = tickOfLease(breaker.lease);
    return this.#goTo(Number(due) / 2 ** 20 + ms);
  }
}

function methodOf(result: Result): 'recordSuccess' | 'recordFailure' | 'recordIgnored' {
  return result === 'success' ? 'recordSuccess' : result === 'failure' ? 'recordFailure' : 'recordIgnored';
}

function agree<T>(actual: T, expected: T): true {
  assert.is(actual, expected);
  return true;
}
