// Checks that the controls decide correctly. The oracle of the tests and the controls take the same steps, drawn with a fixed
// seed. They must agree on every decision, every wait and every result. Comparing with a wrong control would be worthless.

import { Oracle } from '../../test/oracle.js';
import type { Result } from '../../test/oracle-breaker.js';
import type { Ticket, Verdict } from '../../test/oracle-types.js';
import { random } from '../workload.js';
import { GcraMap, GcraMapOfObjects } from './gcra-map.js';
import { Twin } from './twin.js';

const PEERS = ['a', 'b', 'c', 'd', 'e'];
const STEPS = 20_000;
const SEED = 20_241;

const SETTINGS = [
  { maxRequestsPerSec: 100, burstSize: 200, circuitBreakerThreshold: 10, circuitBreakerTimeoutMs: 30_000 },
  { maxRequestsPerSec: 3, burstSize: 5, circuitBreakerThreshold: 2, circuitBreakerTimeoutMs: 1_000 },
  { maxRequestsPerSec: 0.7, burstSize: 1, circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 33.3125 },
  { maxRequestsPerSec: 1_000, burstSize: 20, circuitBreakerThreshold: 3, circuitBreakerTimeoutMs: 5 },
];
const PROBES = [
  { halfOpenProbes: 1, probeTimeoutMs: 30_000 },
  { halfOpenProbes: 3, probeTimeoutMs: 12.5 },
];

type Setting = (typeof SETTINGS)[0];
type Probing = (typeof PROBES)[0];

const REASONS = ['rate_limited', 'circuit_open'];

function expect(what: string, came: unknown, expected: unknown): void {
  if (came !== expected) throw new Error(`a control is wrong: ${what}: expected ${expected}, got ${came}`);
}

function expectDecision(what: string, came: number, { reason, retryAfterMs }: Verdict): void {
  const wait = ~came & 0xfffffff;
  expect(what, came >= 0 ? 'allowed' : REASONS[~came >>> 28], reason);
  if (came < 0) expect(`${what}, wait`, wait === 0xfffffff ? Number.POSITIVE_INFINITY : wait, retryAfterMs);
}

/** Checks and results of both kinds, by ID and by handle, with current and with old permits. */
function verifyTwin(): number {
  let rejections = 0;
  for (const setting of SETTINGS) {
    for (const probing of PROBES) {
      const limits = { ...setting, ...probing };
      const oracle = new Oracle(PEERS.length, { ...limits, onFull: 'reject' });
      const twin = new Twin(PEERS.length, limits, () => now);
      let now = 0;
      const next = random(SEED);
      const given = PEERS.map((): { permit: number; ticket: Ticket }[] => []);
      const handles = PEERS.map((id) => {
        oracle.check(id, 1, 0);
        twin.check(id, 1, 0);
        return twin.peer(id);
      });
      for (let step = 0; step < STEPS; step++) {
        const i = next() % PEERS.length;
        const [id, handle, tickets] = [PEERS[i] as string, handles[i] as (typeof handles)[0], given[i] as object[]];
        const kind = next() % 10;
        const what = `step ${step}, ${JSON.stringify(limits)}`;
        if (kind < 2) now += (next() % 4096) / 256;
        else if (kind < 3) now += next() % 2 === 0 ? setting.circuitBreakerTimeoutMs : probing.probeTimeoutMs;
        else if (kind < 7) {
          const cost = next() % 8 === 0 ? 1 + (next() % 7) : 1;
          const verdict = oracle.check(id, cost, now);
          const decision = next() % 2 === 0 ? twin.check(id, cost, now) : handle.check(cost);
          expectDecision(what, decision, verdict);
          if (decision < 0) rejections++;
          tickets.push({ permit: decision, ticket: verdict.ticket });
          if (tickets.length > 4) tickets.shift();
        } else {
          const chosen = (given[i] as { permit: number; ticket: Ticket }[])[next() % 4];
          if (chosen === undefined) continue;
          const result: Result = next() % 3 === 0 ? 'success' : 'failure';
          const counted = oracle.record(id, result, chosen.ticket, now);
          const method = result === 'success' ? 'recordSuccess' : 'recordFailure';
          expect(
            what,
            next() % 2 === 0 ? twin[method](id, chosen.permit) : handle[method](chosen.permit, now),
            counted,
          );
        }
      }
    }
  }
  return rejections;
}

/** This replaces `Date.now()`, so that the tested code is the code that is measured. */
function verifyGcra(): number {
  const clock = Date.now;
  let rejections = 0;
  try {
    for (const Control of [GcraMap, GcraMapOfObjects]) {
      // Intervals are whole milliseconds, like the clock, so that rounding changes no decision.
      for (const [rate, burst] of [
        [100, 200],
        [8, 3],
        [1000, 20],
        [0.5, 1],
      ] as const) {
        const limits = { ...(SETTINGS[0] as Setting), ...(PROBES[0] as Probing), onFull: 'reject' } as const;
        const oracle = new Oracle(PEERS.length, { ...limits, maxRequestsPerSec: rate, burstSize: burst });
        const control = new Control(rate, burst);
        const next = random(SEED);
        let now = 1_700_000_000_000;
        Date.now = () => now;
        for (let step = 0; step < STEPS; step++) {
          if (next() % 3 === 0) now += next() % 40;
          const id = PEERS[next() % PEERS.length] as string;
          const cost = next() % 8 === 0 ? 1 + (next() % 7) : 1;
          const { reason } = oracle.check(id, cost, now);
          const allowed = control.check(id, cost);
          expect(`${Control.name} step ${step}`, allowed, reason === 'allowed');
          if (!allowed) rejections++;
        }
      }
    }
  } finally {
    Date.now = clock;
  }
  return rejections;
}

/** Throws if a control disagrees with the oracle. */
export function verifyControls(): void {
  if (verifyTwin() < STEPS || verifyGcra() < STEPS) throw new Error('the controls were hardly put to the test');
}
