/**
 * Every history of the breaker up to eight events, against the oracle.
 *
 *   check   success, failure, ignored (with the newest permit)   success, failure (without one)
 *   failure (with the oldest permit)   to just before, to exactly the next thing that is due
 *
 * What would change nothing about the history is left out: a move in time where nothing is due, the oldest permit where
 * it is the newest. The oracle's side is worked out once as a graph of situations, then every path through it is walked.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Decision, isAllowed, RateLimiter, reasonOf, retryAfterMs } from '../src/index.js';
import { engines } from './engines.js';
import { Oracle } from './oracle.js';
import { tickOfDeadline, tickOfLease } from './oracle-time.js';
import type { OraclePermit, Verdict } from './oracle-types.js';

const DEPTH = 8;
const CONFIGS = [
  { circuitBreakerThreshold: 2, halfOpenProbes: 1 },
  { circuitBreakerThreshold: 1, halfOpenProbes: 2 },
] as const;
const LIMITS = {
  maxRequestsPerSec: 1_000,
  burstSize: 100,
  circuitBreakerTimeoutMs: 1_000,
  probeTimeoutMs: 400.5,
  onFull: 'reject',
} as const;
const START = 7;
const JUST = 1 / 1_024;
const ID = 'peer';

type Event =
  | 'check'
  | 'success'
  | 'failure'
  | 'ignored'
  | 'bareSuccess'
  | 'bareFailure'
  | 'lateFailure'
  | 'before'
  | 'due';

/** What an event does, with what it returns and the time at which it happens, and where it leads. */
interface Edge {
  readonly event: Event;
  readonly expected: string | boolean;
  readonly now: number;
  readonly to: Situation;
}

interface Situation {
  readonly edges: Edge[];
  readonly state: string;
}

const told = (verdict: Verdict) => `${verdict.reason} ${verdict.retryAfterMs}`;

/** The oracle, at the end of one history. */
class Past {
  readonly oracle: Oracle;
  now = START;
  newest: OraclePermit | undefined;
  oldest: OraclePermit | undefined;

  constructor(config: (typeof CONFIGS)[number], events: readonly Event[]) {
    this.oracle = new Oracle(1, { ...LIMITS, ...config });
    for (const event of events) this.apply(event);
  }

  /** When the next thing is due, if anything is. */
  get due(): number | undefined {
    const breaker = this.oracle.rows.get(ID)?.breaker;
    let tick = 0n;
    if (breaker?.state === 'open') tick = tickOfDeadline(breaker.deadline);
    if (breaker?.state === 'half_open' && breaker.probes > 0) tick = tickOfLease(breaker.lease);
    const ms = Number(tick) / 2 ** 20;
    return ms > this.now ? ms : undefined;
  }

  get events(): Event[] {
    const always: Event[] = ['check', 'bareSuccess', 'bareFailure'];
    const withPermit: Event[] = this.newest === undefined ? [] : ['success', 'failure', 'ignored'];
    const withOldest: Event[] = this.oldest?.period === this.newest?.period ? [] : ['lateFailure'];
    const { due } = this;
    const inTime: Event[] = due === undefined ? [] : due - JUST > this.now ? ['before', 'due'] : ['due'];
    return [...always, ...withPermit, ...withOldest, ...inTime];
  }

  apply(event: Event): string | boolean {
    const { oracle, now, newest, oldest } = this;
    switch (event) {
      case 'check': {
        const verdict = oracle.check(ID, 1, now);
        if (typeof verdict.ticket === 'object') {
          this.newest = verdict.ticket;
          this.oldest ??= verdict.ticket;
        }
        return told(verdict);
      }
      case 'success':
      case 'failure':
      case 'ignored':
        return oracle.record(ID, event, newest, now);
      case 'bareSuccess':
        return oracle.record(ID, 'success', undefined, now);
      case 'bareFailure':
        return oracle.record(ID, 'failure', undefined, now);
      case 'lateFailure':
        return oracle.record(ID, 'failure', oldest, now);
      default:
        this.now = (this.due as number) - (event === 'before' ? JUST : 0);
        return true;
    }
  }

  /** All that the future depends on. */
  get key(): string {
    const row = this.oracle.rows.get(ID);
    const permits = [this.newest, this.oldest].map((permit) => permit && permit.period === row?.period);
    const apart = this.oldest?.period !== this.newest?.period;
    const breaker = JSON.stringify(row?.breaker, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    return `${row?.allowed} ${breaker} ${this.now} ${permits} ${apart}`;
  }
}

/** The graph of situations up to DEPTH events from the start. */
function graphOf(config: (typeof CONFIGS)[number]): Situation {
  const known = new Map<string, Situation>();
  const expand = (events: readonly Event[]): Situation => {
    const past = new Past(config, events);
    const key = `${DEPTH - events.length} ${past.key}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const situation: Situation = { edges: [], state: past.oracle.circuitState(ID, past.now) };
    known.set(key, situation);
    if (events.length === DEPTH) return situation;
    for (const event of past.events) {
      const next = new Past(config, events);
      const expected = next.apply(event);
      situation.edges.push({ event, expected, now: next.now, to: expand([...events, event]) });
    }
    return situation;
  };
  return expand([]);
}

/** Does the events to a new peer and tells how far it went as expected. */
function walk(limiter: RateLimiter, path: readonly Edge[]): number {
  limiter.removePeer(ID);
  let newest: Decision | undefined;
  let oldest: Decision | undefined;
  for (let i = 0; i < DEPTH; i++) {
    const { event, expected, now } = path[i] as Edge;
    let came: string | boolean = true;
    if (event === 'check') {
      const decision = limiter.check(ID, 1, now);
      if (isAllowed(decision)) {
        newest = decision;
        oldest ??= decision;
        came = 'allowed 0';
      } else came = `${reasonOf(decision)} ${retryAfterMs(decision)}`;
    } else if (event === 'failure') came = limiter.recordFailure(ID, newest, now);
    else if (event === 'success') came = limiter.recordSuccess(ID, newest, now);
    else if (event === 'ignored') came = limiter.recordIgnored(ID, newest, now);
    else if (event === 'lateFailure') came = limiter.recordFailure(ID, oldest, now);
    else if (event === 'bareFailure') came = limiter.recordFailure(ID, undefined, now);
    else if (event === 'bareSuccess') came = limiter.recordSuccess(ID, undefined, now);
    if (came !== expected) return i;
  }
  return DEPTH;
}

const graphs = CONFIGS.map((config) => ({ config, start: graphOf(config) }));

for (const { name, using } of engines) {
  const test = suite(`breaker, exhaustively (${name})`);

  for (const { config, start } of graphs) {
    const { circuitBreakerThreshold: threshold, halfOpenProbes: probes } = config;

    test(`every history of ${DEPTH} events, threshold ${threshold}, probes ${probes}`, () => {
      const limiter = new RateLimiter({ ...LIMITS, ...config, maxPeers: 1, clock: () => 0, ...using });
      const path: Edge[] = [];
      let histories = 0;
      const visit = (situation: Situation): void => {
        for (const edge of situation.edges) {
          path.push(edge);
          if (path.length < DEPTH) visit(edge.to);
          else {
            histories++;
            const went = walk(limiter, path);
            const ended = limiter.getCircuitState(ID, edge.now);
            if (went < DEPTH || ended !== edge.to.state) {
              assert.unreachable(
                `${path.map(({ event }) => event).join(', ')}: step ${went + 1}, ended ${ended}, not ${edge.to.state}`,
              );
            }
          }
          path.pop();
        }
      };
      visit(start);
      assert.ok(histories > 500_000, `${histories} histories`);
    });
  }

  test.run();
}
