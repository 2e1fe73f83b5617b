// Who does what in a run, derived from the preset, and what the processes tell each other.

import type { CircuitState } from '../../src/index.js';
import { presets } from '../../src/index.js';
import type { DemoOptions } from './options.js';

export const HONEST = Array.from({ length: 8 }, (_, i) => `honest-${i + 1}`);
export const FLOODER = 'flooder';
export const FAILING = 'failing';
/** The first part of the names that the renamer invents. */
export const RENAMER = 'renamer';

/** Circuits open for less time than in any preset, so that a short run shows one close. */
export const CIRCUIT_OPEN_MS = 2000;
/** Few rows, so that a short run shows the table full. */
export const MAX_PEERS = 128;
/** Says which thread has taken a connection, so that the flooder finds all of them. */
export const THREAD_HEADER = 'x-thread';
/** What a request takes the server. */
export const WORK_MS = 0.2;
/** How the demo ends, and its server, where an option cannot be followed. */
export const EXIT_BAD_OPTION = 2;
const MOST_HONEST_PER_SEC = 20;
const RENAMES_PER_SEC = 50;
const FLOODS_A_WORKER = 2;

export interface Plan {
  readonly isProtected: boolean;
  /** Threads that serve behind one port, with one table. */
  readonly workers: number;
  /** Processes that hold one limit together. */
  readonly nodes: number;
  /** Tokens that a node may give a peer before they are paid for. */
  readonly credit: number;
  /** As many connections the flooder has at a time, all under its one name. */
  readonly floods: number;
  readonly ratePerSec: number;
  readonly burst: number;
  readonly threshold: number;
  readonly quietMs: number;
  readonly attackMs: number;
  /** Each honest peer's pace, at most half of what it may have. */
  readonly honestPerSec: number;
  /**
   * How many requests an honest peer has out at most. A server that stands still for a while finds no more than these
   * when it goes on, so that a peer that keeps its pace is within its burst on a machine of any speed.
   */
  readonly honestInFlight: number;
  /** Fast enough to open its circuit within a second, and within its rate. */
  readonly failingPerSec: number;
  readonly renamesPerSec: number;
  readonly metricsPort?: number;
}

export function planOf({ seconds, preset, isProtected, workers, nodes, metricsPort }: DemoOptions): Plan {
  const { maxRequestsPerSec, burstSize, circuitBreakerThreshold } = presets[preset];
  return {
    isProtected,
    workers,
    nodes,
    credit: Math.floor(burstSize / (2 * nodes)),
    floods: workers === 1 ? nodes : FLOODS_A_WORKER * workers,
    ratePerSec: maxRequestsPerSec,
    burst: burstSize,
    threshold: circuitBreakerThreshold,
    quietMs: seconds * 300,
    attackMs: seconds * 700,
    honestPerSec: Math.min(MOST_HONEST_PER_SEC, maxRequestsPerSec / 2),
    // Of several nodes each has only a part of the burst.
    honestInFlight: nodes === 1 ? burstSize - 1 : 1,
    failingPerSec: Math.min(maxRequestsPerSec / 2, circuitBreakerThreshold / 0.7),
    renamesPerSec: RENAMES_PER_SEC,
    ...(metricsPort !== undefined && { metricsPort }),
  };
}

/** What a client process does. */
export type Role = 'honest' | 'flooder' | 'failing' | 'renamer';

/** What a client has seen of its peer, or of all its names, so far. */
export interface ClientCounts {
  readonly peer: string;
  readonly sent: number;
  /** Answers of any kind, errors of the limiter among them. */
  readonly answered: number;
  /** Answers that were an error of the limiter. */
  readonly rejected: number;
}

/** An honest request: when it was due, in ms of the time of day; when its answer came after that, null where none did. */
export interface Sample {
  readonly peer: string;
  readonly dueAtMs: number;
  readonly latencyMs: number | null;
  readonly rejected: boolean;
}

export interface ServerPeer {
  readonly allowed: number;
  readonly rateLimited: number;
  readonly circuitRejected: number;
  readonly state: CircuitState;
  readonly tokens: number;
}

export interface Transition {
  readonly peer: string;
  readonly to: CircuitState;
  /** After the start of the attack. */
  readonly atMs: number;
}

/** What one thread has served so far. */
export interface ThreadReport {
  /** Connections that were accepted, and those on which the flooder sent something. */
  readonly connections: number;
  readonly flooding: number;
  /** Requests that reached the handler, of each peer. */
  readonly handled: Readonly<Record<string, number>>;
  /** When the flooder's first request came here, null where none has. */
  readonly floodStartMs: number | null;
  /** When this was. */
  readonly atMs: number;
}

export interface ServerReport {
  readonly peers: Readonly<Record<string, ServerPeer>>;
  readonly peerCount: number;
  readonly transitions: readonly Transition[];
  /** Checks of peers for which the full table had no row; one bucket, which they share, decided them. */
  /** Of a node: what became of its exchanges with the others. */
  readonly sync?: { readonly state: 'up' | 'down'; readonly exchanges: number };
  readonly tableFull: number;
  /** How often a circuit opened and closed. Only the failing peer's does. */
  readonly circuitOpened: number;
  readonly circuitClosed: number;
  /** Requests that reached the handler, of each peer. */
  readonly handled: Readonly<Record<string, number>>;
  /** Since the flooder's first request, on the server's clock. */
  readonly floodedForMs: number;
  readonly threads: readonly Pick<ThreadReport, 'connections' | 'flooding'>[];
}

export type ToServer = { readonly ask: 'attack' } | { readonly ask: 'report' };
/** A thread says first that it listens; then it answers every message with a report. */
export type FromThread = { readonly port: number } | { readonly report: ThreadReport };
export type FromServer = { readonly port: number } | { readonly report: ServerReport };
export type ToClient = { readonly ask: 'begin' } | { readonly ask: 'stop' };
export type FromClient =
  | { readonly ready: true }
  | { readonly counts: readonly ClientCounts[] }
  | { readonly done: { readonly counts: readonly ClientCounts[]; readonly samples: readonly Sample[] } };
