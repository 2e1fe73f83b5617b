/**
 * A plain model of the breaker with everything switched on, written from its contract: every result is kept with its time,
 * and what matters is counted from the list. Times are whole milliseconds that never run back. Buckets refuse nobody.
 *
 * Two things are drawn from a peer's fingerprint, which the model does not know: how long a circuit stays open from the second
 * time on, and where in its sequence a ramp begins. The model is told and checks that it could be.
 */

import { type Circuit, type CircuitLimits, type Noted, newborn, type State } from './oracle-circuit.js';

export class Circuits {
  limits: CircuitLimits;
  readonly stats = { circuitOpened: 0, circuitClosed: 0, recovered: 0, heldBack: 0 };
  readonly #circuits = new Map<string, Circuit>();
  /** What established peers told of the fleet. */
  readonly #told: Noted[] = [];

  constructor(limits: CircuitLimits) {
    this.limits = limits;
  }

  of(peer: string): Circuit {
    const circuit = this.#circuits.get(peer) ?? newborn();
    this.#circuits.set(peer, circuit);
    return circuit;
  }

  // ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #slice(ms: number): number {
    return Math.floor(ms / (this.limits.windowMs / 2));
  }

  /** Brings the circuit to what time has made of it. `wait` says how long an open circuit stays so. */
  advance(peer: string, now: number, wait: (peer: string) => number): void {
    this.#turnTo(peer, now);
    const circuit = this.of(peer);
    if (circuit.state === 'open' && Number.isNaN(circuit.until)) {
      const [least, most] = circuit.bounds;
      const came = wait(peer);
      circuit.until = came === 0 ? now : now + came;
      // Nobody asked in time: it may be probed, and nobody will ever know since when.
      if (came === 0 ? now < least : circuit.until < least || circuit.until > most) {
        throw new Error(`open until ${circuit.until}, not between ${least} and ${most}`);
      }
    }
  }

  #turnTo(peer: string, now: number): void {
    const circuit = this.of(peer);
    for (let before = -1; before !== circuit.period; ) {
      before = circuit.period;
      if (circuit.state === 'half_open' && circuit.probes > 0 && now >= circuit.lease) {
        this.#open(circuit, circuit.lease);
      }
      const { recovery } = this.limits;
      if (circuit.state === 'recovering' && (recovery === false || circuit.stage > recovery.stages)) {
        this.#close(circuit, Math.min(circuit.end, now));
      }
      if (circuit.state === 'recovering' && now >= circuit.end && this.#verdict(circuit) === 'good') {
        this.#up(circuit, circuit.end);
      }
    }
  }

  #turn(circuit: Circuit, state: State): void {
    circuit.state = state;
    circuit.period++;
    circuit.noted = [];
    circuit.run = 0;
  }

  #open(circuit: Circuit, at: number): void {
    const { circuitBreakerTimeoutMs: least, circuitBreakerMaxTimeoutMs: most, windowMs } = this.limits;
    if (circuit.state === 'closed') {
      const passed = Math.floor(
        (Math.floor((at * 32) / windowMs) - Math.ceil((circuit.closedAt * 32) / windowMs)) / 32,
      );
      circuit.doublings = Math.max(0, circuit.doublings - Math.max(0, passed));
    }
    const whole = Math.min(least * 2 ** circuit.doublings, most);
    const exact = circuit.doublings === 0 || most === least;
    this.#turn(circuit, 'open');
    this.stats.circuitOpened++;
    circuit.bounds = exact ? [at + least, at + least] : [at + Math.floor(whole / 2), at + Math.ceil(whole) + 1];
    circuit.until = exact ? at + least : Number.NaN;
    circuit.doublings = Math.min(circuit.doublings + 1, 31);
    this.#mark(circuit, 'tripped', at);
  }

  #close(circuit: Circuit, at: number): void {
    this.stats.circuitClosed++;
    if (circuit.state === 'recovering') this.stats.recovered++;
    this.#turn(circuit, 'closed');
    circuit.closedAt = at;
  }

  #enter(circuit: Circuit, stage: number, at: number): void {
    const { stageMs } = this.limits.recovery as { stageMs: number };
    this.#turn(circuit, 'recovering');
    Object.assign(circuit, { stage, end: at + stageMs, requests: 0 });
  }

  #up(circuit: Circuit, at: number): void {
    const { stages } = this.limits.recovery as { stages: number };
    if (circuit.stage >= stages) this.#close(circuit, at);
    else this.#enter(circuit, circuit.stage + 1, at);
  }

  // ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether a check is let through, told whether it was: in a ramp that depends on the fingerprint. */
  check(peer: string, now: number, came: boolean): boolean {
    const circuit = this.of(peer);
    switch (circuit.state) {
      case 'closed':
      case 'forced_closed':
        return true;
      case 'forced_open':
        return false;
      case 'open':
        if (now < circuit.until) return false;
        this.#turn(circuit, 'half_open');
        circuit.probes = 0;
        break;
      case 'half_open':
        if (circuit.probes >= this.limits.halfOpenProbes) return false;
        break;
      case 'recovering':
        return this.#passes(circuit, came);
    }
    circuit.probes++;
    circuit.lease = now + this.limits.probeTimeoutMs;
    return true;
  }

  #passes(circuit: Circuit, came: boolean): boolean {
    const { stages, minCalls } = this.limits.recovery as { stages: number; minCalls: number };
    const n = circuit.requests++;
    if (n < minCalls) return true;
    const one = 2 ** (stages + 1 - circuit.stage);
    const left = circuit.phases.filter((phase) => ((n + phase) % one === 0) === came);
    if (left.length === 0) return !came;
    circuit.phases = left;
    return came;
  }

  // ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether a result counts that is of this period, or without one. */
  record(
    peer: string,
    result: 'success' | 'failure' | 'ignored',
    durationMs: number,
    now: number,
    period?: number,
  ): boolean {
    const circuit = this.of(peer);
    if (period !== undefined && period !== circuit.period) return false;
    if (circuit.state === 'open' || circuit.state.startsWith('forced')) return false;
    if (result === 'ignored') {
      if (circuit.state !== 'half_open' || circuit.probes === 0) return false;
      circuit.probes--;
      return true;
    }
    const { slowCallMs, recovery } = this.limits;
    const failure = result === 'failure';
    const bad = failure || (slowCallMs !== false && durationMs >= slowCallMs);
    if (!failure) this.#succeed(circuit, now);
    this.#note(circuit, bad, now);
    if (circuit.state === 'half_open') {
      if (bad) this.#open(circuit, now);
      else if (recovery === false) this.#close(circuit, now);
      else this.#enter(circuit, 1, now);
    } else if (circuit.state === 'recovering') this.#judge(circuit, now);
    else this.#countRun(circuit, failure, bad, now);
    return true;
  }

  #succeed(circuit: Circuit, now: number): void {
    if (circuit.established || ++circuit.successes < this.limits.minimumCalls) return;
    circuit.established = true;
    circuit.activeIn = this.#slice(now);
  }

  #inWindow<T extends { readonly slice: number }>(list: readonly T[], now: number): T[] {
    return list.filter(({ slice }) => slice >= this.#slice(now) - 1);
  }

  #note(circuit: Circuit, bad: boolean, now: number): void {
    const { failureRateThreshold, minimumCalls } = this.limits;
    const noted = { slice: this.#slice(now), bad };
    const inStage = circuit.state === 'recovering';
    if (!circuit.established && !inStage && failureRateThreshold === false) return;
    const isMarked = circuit.mark?.kind === 'tripped' && circuit.mark.slice >= noted.slice - 1;
    const few = this.#inWindow(circuit.noted, now).length < minimumCalls;
    const adds = circuit.state === 'closed' && few && !isMarked;
    if (adds || inStage || failureRateThreshold !== false) circuit.noted.push(noted);
    if (!circuit.established) return;
    circuit.activeIn = noted.slice;
    if (adds) this.#told.push(noted);
  }

  #verdict(circuit: Circuit): 'unknown' | 'good' | 'doubtful' | 'bad' {
    const { minCalls } = this.limits.recovery as { minCalls: number };
    if (circuit.noted.length < minCalls) return 'unknown';
    const threshold = this.limits.failureRateThreshold || 0.5;
    const rate = circuit.noted.filter(({ bad }) => bad).length / circuit.noted.length;
    return rate >= threshold ? 'bad' : rate >= threshold / 2 ? 'doubtful' : 'good';
  }

  #judge(circuit: Circuit, now: number): void {
    const verdict = this.#verdict(circuit);
    if (verdict === 'bad') this.#open(circuit, now);
    else if (verdict === 'doubtful') this.#enter(circuit, Math.max(1, circuit.stage - 1), now);
    else if (verdict === 'good' && now >= circuit.end) this.#up(circuit, now);
  }

  #countRun(circuit: Circuit, failure: boolean, bad: boolean, now: number): void {
    const long = failure && circuit.run + 1 >= this.limits.circuitBreakerThreshold;
    const trips = long || (bad && this.#isRateHigh(circuit, now));
    if (trips && !(circuit.established && this.#isSuspected(now, circuit))) this.#open(circuit, now);
    else {
      circuit.run = failure ? circuit.run + 1 : 0;
      if (!trips) return;
      this.stats.heldBack++;
      this.#mark(circuit, 'held', now);
    }
  }

  #isRateHigh(circuit: Circuit, now: number): boolean {
    const { failureRateThreshold, minimumCalls, relativeThreshold } = this.limits;
    if (failureRateThreshold === false) return false;
    const noted = this.#inWindow(circuit.noted, now);
    if (noted.length < minimumCalls) return false;
    const rate = noted.filter(({ bad }) => bad).length / noted.length;
    const usual = relativeThreshold === false ? 0 : Math.min(relativeThreshold * this.fleet(now).failureRate, 0.95);
    return rate >= Math.max(failureRateThreshold, usual);
  }

  // ── the fleet ────────────────────────────────────────────────────────────────────────────────────────────────────

  #mark(circuit: Circuit, kind: 'held' | 'tripped', now: number): void {
    if (!circuit.established) return;
    const slice = this.#slice(now);
    circuit.activeIn = Math.max(circuit.activeIn, slice);
    if (kind === 'held' && circuit.mark?.kind === 'tripped' && circuit.mark.slice >= slice - 1) return;
    circuit.mark = { slice, kind };
  }

  #marked(now: number, kinds: readonly string[]): number {
    const recent = this.#slice(now) - 1;
    return [...this.#circuits.values()].filter(({ mark }) => mark && mark.slice >= recent && kinds.includes(mark.kind))
      .length;
  }

  #isSuspected(now: number, circuit?: Circuit): boolean {
    const { maxOpenFraction } = this.limits;
    const { activePeers } = this.fleet(now);
    if (activePeers < 10 || maxOpenFraction === 1) return false;
    const counts = circuit?.mark !== undefined && circuit.mark.slice >= this.#slice(now) - 1;
    return this.#marked(now, ['held', 'tripped']) + Number(!counts) > maxOpenFraction * activePeers;
  }

  fleet(now: number): { readonly failureRate: number; readonly activePeers: number; readonly recentTrips: number } {
    const recent = this.#slice(now) - 1;
    const told = this.#inWindow(this.#told, now);
    return {
      failureRate: told.length === 0 ? 0 : told.filter(({ bad }) => bad).length / told.length,
      activePeers: [...this.#circuits.values()].filter(({ established, activeIn }) => established && activeIn >= recent)
        .length,
      recentTrips: this.#marked(now, ['tripped']),
    };
  }

  suspected(now: number): boolean {
    return this.#isSuspected(now);
  }

  // ── by hand ──────────────────────────────────────────────────────────────────────────────────────────────────────

  force(peer: string, state: 'closed' | 'forced_open' | 'forced_closed'): void {
    const circuit = this.of(peer);
    this.#turn(circuit, state);
    circuit.doublings = 0;
  }

  /** What a look finds, which changes nothing; undefined where an open circuit may be open still or not. */
  seen(peer: string, now: number): State | undefined {
    const kept = { ...this.of(peer) };
    const stats = { ...this.stats };
    this.#turnTo(peer, now);
    const { state, until } = this.of(peer);
    this.#circuits.set(peer, kept);
    Object.assign(this.stats, stats);
    if (state === 'open' && Number.isNaN(until)) return undefined;
    return state === 'open' && now >= until ? 'half_open' : state;
  }
}
