// What a replay found, as plain data: it is what `--json` prints, and what the other reports are written from.

import type { Verdicts } from './decide.js';
import type { RequestLog, Skipped } from './log.js';
import type { Settings } from './settings.js';
import type { Suggestion } from './suggest.js';

export interface Report {
  readonly files: readonly string[];
  /** Files of which the end could not be read, and why. */
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
  readonly lines: number;
  readonly skipped: {
    readonly lines: number;
    readonly reasons: Readonly<Record<string, number>>;
    readonly first: readonly Skipped[];
  };
  readonly requests: number;
  readonly peers: number;
  /** ISO 8601; null if there was no request. */
  readonly from: string | null;
  readonly to: string | null;
  readonly limits: { readonly preset: string; readonly ratePerSec: number; readonly burst: number };
  readonly limited: {
    readonly requests: number;
    /** Of all requests, and of all peers; 0 to 1. */
    readonly requestShare: number;
    readonly peers: number;
    readonly peerShare: number;
    /** Those with the most limited requests. */
    readonly top: readonly LimitedPeer[];
  };
  readonly timeline: {
    readonly intervalMs: number;
    readonly intervals: readonly { readonly at: string; readonly requests: number; readonly limited: number }[];
  };
  readonly suggestion: (Suggestion & { readonly sparePercent: number }) | null;
}

export interface LimitedPeer {
  readonly peer: string;
  readonly requests: number;
  readonly limited: number;
  readonly first: string;
  readonly last: string;
}

const MOST_PEERS_SHOWN = 20;

export function reportOf(
  settings: Settings,
  log: RequestLog,
  verdicts: Verdicts,
  suggestion: Suggestion | null,
  broken: Report['broken'],
): Report {
  const { limits, preset, spare, files } = settings;
  const { timeline, totalLimited, peersLimited } = verdicts;
  const reasons = Object.fromEntries([...log.reasons].sort(([, a], [, b]) => b - a));
  return {
    files,
    broken,
    lines: log.lines,
    skipped: { lines: log.lines - log.length, reasons, first: log.skipped },
    requests: log.length,
    peers: log.peers.length,
    from: log.length === 0 ? null : iso(log.at[0] as number),
    to: log.length === 0 ? null : iso(log.at[log.length - 1] as number),
    limits: { preset, ratePerSec: limits.maxRequestsPerSec, burst: limits.burstSize },
    limited: {
      requests: totalLimited,
      requestShare: share(totalLimited, log.length),
      peers: peersLimited,
      peerShare: share(peersLimited, log.peers.length),
      top: topOf(log, verdicts),
    },
    timeline: {
      intervalMs: timeline.intervalMs,
      intervals: Array.from(log.length === 0 ? [] : timeline.requests, (requests, i) => ({
        at: iso(timeline.from + i * timeline.intervalMs),
        requests,
        limited: timeline.limited[i] as number,
      })),
    },
    suggestion: suggestion === null ? null : { ...suggestion, sparePercent: spare },
  };
}

function topOf(log: RequestLog, { requests, limited, first, last }: Verdicts): LimitedPeer[] {
  const count = (who: number) => limited[who] as number;
  return [...limited.keys()]
    .filter((who) => count(who) > 0)
    .sort((a, b) => count(b) - count(a) || a - b)
    .slice(0, MOST_PEERS_SHOWN)
    .map((who) => ({
      peer: log.peers[who] as string,
      requests: requests[who] as number,
      limited: count(who),
      first: iso(first[who] as number),
      last: iso(last[who] as number),
    }));
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
