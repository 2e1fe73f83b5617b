// What the model of the breaker keeps of each circuit, and what it is told of the limits.

export interface CircuitLimits {
  readonly circuitBreakerThreshold: number;
  readonly circuitBreakerTimeoutMs: number;
  readonly circuitBreakerMaxTimeoutMs: number;
  readonly halfOpenProbes: number;
  readonly probeTimeoutMs: number;
  readonly failureRateThreshold: number | false;
  readonly minimumCalls: number;
  readonly windowMs: number;
  readonly slowCallMs: number | false;
  readonly relativeThreshold: number | false;
  readonly maxOpenFraction: number;
  readonly recovery: { readonly stages: number; readonly stageMs: number; readonly minCalls: number } | false;
}

export type State = 'closed' | 'open' | 'half_open' | 'recovering' | 'forced_open' | 'forced_closed';

/** A result, in which slice it came. */
export interface Noted {
  readonly slice: number;
  readonly bad: boolean;
}

export interface Circuit {
  state: State;
  /** A new one with every arrow of the state diagram. */
  period: number;
  run: number;
  /** When an open circuit may be probed; NaN until somebody asked how long it stays open. */
  until: number;
  /** Between which times that lies. */
  bounds: readonly [least: number, most: number];
  probes: number;
  lease: number;
  stage: number;
  end: number;
  requests: number;
  /** Where the sequence of the ramp may begin. */
  phases: readonly number[];
  noted: Noted[];
  successes: number;
  established: boolean;
  activeIn: number;
  mark: { slice: number; kind: 'held' | 'tripped' } | undefined;
  doublings: number;
  closedAt: number;
}

/** One phase for each request of the longest round of a ramp. */
const PHASES = Array.from({ length: 64 }, (_, i) => i);

/** A closed circuit of which nothing is known. */
export function newborn(): Circuit {
  return {
    ...{ state: 'closed', period: 0, run: 0, until: 0, bounds: [0, 0], probes: 0, lease: 0, stage: 0, end: 0 },
    ...{ requests: 0, phases: PHASES, noted: [], successes: 0, established: false, activeIn: -9, mark: undefined },
    ...{ doublings: 0, closedAt: 0 },
  };
}
