// From measurements to a summary, and to whether the limiter kept what it promises. Pure functions. Promises are judged by
// counts alone, which no load on the machine can change; latency, which every load changes, is described in words.

import { FAILING, FLOODER, HONEST, type Plan, type Sample, type ServerReport } from './plan.js';

/** Medians that are this close are called the same. */
const SAME_MS = 5;

export interface Latency {
  readonly sent: number;
  /** Answered by the handler. */
  readonly answered: number;
  /** Answered with an error of the limiter. */
  readonly rejected: number;
  readonly successRate: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** Where the flooder's requests went: `sent` = `admitted` + `rejected` + `unread`. */
export interface Flood {
  /** Handed to a socket. */
  readonly sent: number;
  /** Handled. */
  readonly admitted: number;
  /** Refused by the limiter. */
  readonly rejected: number;
  /** Of these, answered with an error; the others were dropped. */
  readonly told: number;
  /** Still in the buffers of the sockets, because the server stopped reading them. */
  readonly unread: number;
  /** How many the limit admits in this time. */
  readonly most: number;
  readonly admittedPerSec: number;
  readonly ratePerSec: number;
}

export interface Kept {
  readonly promise: string;
  readonly held: boolean;
  readonly detail: string;
}

export interface Summary {
  readonly quiet: Latency;
  readonly attack: Latency;
  /** The two medians, compared in words. */
  readonly latency: string;
  readonly flooder: Flood;
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

/** What the attack did to the honest median, in words. Whether it is good depends on what else the machine does. */
export function latencyInWords({ p50Ms: quiet }: Latency, { p50Ms: attack }: Latency): string {
  if (quiet === null || attack === null) return 'There are too few answers to compare medians.';
  const added = attack - quiet;
  if (added <= SAME_MS) return `The median under attack is within ${SAME_MS} ms of the quiet one, or below it.`;
  return (
    `The median under attack is ${added.toFixed(0)} ms above the quiet one. ` +
    'Other work on this machine adds to it: compare runs on an idle one.'
  );
}

/**
 * @param attackAtMs when the attack began, on the clock of the samples.
 * @param sent requests that the flooder handed to its sockets.
 * @param told rejections that it got an answer to.
 */
export function judge(
  plan: Plan,
  samples: readonly Sample[],
  attackAtMs: number,
  { sent, told }: { readonly sent: number; readonly told: number },
  report: ServerReport,
): Summary {
  const quiet = latencyOf(samples.filter(({ dueAtMs }) => dueAtMs < attackAtMs));
  const attack = latencyOf(samples.filter(({ dueAtMs }) => dueAtMs >= attackAtMs));
  const admitted = report.handled[FLOODER] ?? 0;
  const rejected = report.peers[FLOODER]?.rateLimited ?? 0;
  const seconds = report.floodedForMs / 1000;
  const flooder = {
    sent,
    admitted,
    rejected,
    told,
    unread: Math.max(0, sent - admitted - rejected),
    most: Math.floor(plan.burst + plan.ratePerSec * seconds),
    admittedPerSec: seconds === 0 ? 0 : admitted / seconds,
    ratePerSec: plan.ratePerSec,
  };
  const promises = plan.isProtected ? promisesOf(quiet, attack, flooder, report) : [];
  return {
    quiet,
    attack,
    latency: latencyInWords(quiet, attack),
    flooder,
    promises,
    ok: promises.every(({ held }) => held),
  };
}

function promisesOf(quiet: Latency, attack: Latency, flooder: Flood, report: ServerReport): Kept[] {
  const rejected = quiet.rejected + attack.rejected;
  const unanswered = quiet.sent + attack.sent - quiet.answered - attack.answered - rejected;
  const { circuitOpened, circuitClosed } = report;
  const states = report.transitions.filter(({ peer }) => peer === FAILING).map(({ to }) => to);
  return [
    {
      promise: `none of the ${HONEST.length} honest peers is rejected`,
      held: rejected === 0 && unanswered === 0 && attack.sent > 0,
      detail: `${rejected} rejected and ${unanswered} unanswered of ${quiet.sent + attack.sent}`,
    },
    {
      promise: 'the flooder is held to burst + rate × time',
      held: flooder.rejected > 0 && flooder.admitted <= flooder.most,
      detail: `${flooder.admitted} handled of ${flooder.sent} sent, at most ${flooder.most} promised`,
    },
    {
      promise: 'the failing peer’s circuit opens, and closes when the peer behaves',
      held: circuitOpened > 0 && circuitClosed > 0,
      detail: `times opened: ${circuitOpened}, closed: ${circuitClosed}; states seen: ${states.join(' → ') || 'closed'}`,
    },
  ];
}
