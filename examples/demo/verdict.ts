// From measurements to a summary, and to whether the limiter kept what it promises. Pure functions.

import { FAILING, FLOODER, HONEST, type Plan, type Sample, type ServerReport } from './plan.js';

/** How much slower the honest may be served while the others attack, at the median. */
const MOST_ADDED_MS = 5;

export interface Latency {
  readonly sent: number;
  readonly answered: number;
  readonly rejected: number;
  readonly successRate: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface Kept {
  readonly promise: string;
  readonly held: boolean;
  readonly detail: string;
}

export interface Summary {
  readonly quiet: Latency;
  readonly attack: Latency;
  readonly flooder: {
    readonly sent: number;
    readonly admitted: number;
    readonly most: number;
    readonly admittedPerSec: number;
    readonly ratePerSec: number;
  };
  readonly promises: readonly Kept[];
  readonly ok: boolean;
}

/** The value that `share` of the sorted values do not exceed. */
export function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? null;
}

export function latencyOf(samples: readonly Sample[]): Latency {
  const answered = samples.filter(({ latencyMs, rejected }) => latencyMs !== null && !rejected);
  const sorted = answered.map(({ latencyMs }) => latencyMs as number).sort((a, b) => a - b);
  return {
    sent: samples.length,
    answered: answered.length,
    rejected: samples.filter(({ rejected }) => rejected).length,
    successRate: samples.length === 0 ? 1 : answered.length / samples.length,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}

/** @param attackAtMs when the attack began, on the clock of the samples. */
export function judge(
  plan: Plan,
  samples: readonly Sample[],
  attackAtMs: number,
  flooderSent: number,
  report: ServerReport,
): Summary {
  const quiet = latencyOf(samples.filter(({ sentAtMs }) => sentAtMs < attackAtMs));
  const attack = latencyOf(samples.filter(({ sentAtMs }) => sentAtMs >= attackAtMs));
  const admitted = report.handled[FLOODER] ?? 0;
  const seconds = report.floodedForMs / 1000;
  const most = Math.floor(plan.burst + plan.ratePerSec * seconds);
  const flooder = {
    sent: flooderSent,
    admitted,
    most,
    admittedPerSec: seconds === 0 ? 0 : admitted / seconds,
    ratePerSec: plan.ratePerSec,
  };
  const promises = plan.isProtected ? promisesOf(quiet, attack, flooder, report) : [];
  return { quiet, attack, flooder, promises, ok: promises.every(({ held }) => held) };
}

function promisesOf(quiet: Latency, attack: Latency, flooder: Summary['flooder'], report: ServerReport): Kept[] {
  const rejected = quiet.rejected + attack.rejected;
  const lost = quiet.sent + attack.sent - quiet.answered - attack.answered - rejected;
  const states = report.transitions.filter(({ peer }) => peer === FAILING).map(({ to }) => to);
  const added = attack.p50Ms === null || quiet.p50Ms === null ? null : attack.p50Ms - quiet.p50Ms;
  return [
    {
      promise: `none of the ${HONEST.length} honest peers is rejected`,
      held: rejected === 0 && lost === 0 && attack.sent > 0,
      detail: `${rejected} rejected and ${lost} unanswered of ${quiet.sent + attack.sent}`,
    },
    {
      promise: 'the flooder is held to burst + rate × time',
      held: flooder.sent > 0 && flooder.admitted <= flooder.most,
      detail: `${flooder.admitted} admitted of ${flooder.sent} sent, at most ${flooder.most} promised`,
    },
    {
      promise: 'the failing peer’s circuit opens, and closes when it behaves',
      held: states.includes('open') && states.lastIndexOf('closed') > states.indexOf('open'),
      detail: states.join(' → ') || 'it stayed closed',
    },
    {
      promise: `the honest median grows by at most ${MOST_ADDED_MS} ms`,
      held: added !== null && added <= MOST_ADDED_MS,
      detail: added === null ? 'no answers to measure' : `${added.toFixed(2)} ms`,
    },
  ];
}
