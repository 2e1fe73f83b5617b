// What is measured: every metric with its name, its unit and where its values come from. Both exporters read this list. All of it
// is read when somebody collects; nothing is counted for it. No label is a peer: names are cheap to make up.

import { ClosedError, type RateLimiter } from '../index.js';

/** The labels of a value, by the names that Prometheus uses. */
export type Labels = Readonly<Record<string, string>>;
export type Reading = readonly [value: number, labels: Labels];

export interface Metric {
  /** Its OpenTelemetry name. Prometheus's is made of it. */
  readonly name: string;
  readonly kind: 'counter' | 'updown' | 'gauge';
  readonly unit: string;
  readonly help: string;
  readonly labels: readonly string[];
  read(limiter: RateLimiter): readonly Reading[] | Promise<readonly Reading[]>;
}

/** OpenTelemetry's names for the labels. */
export const ATTRIBUTES: Labels = {
  limiter: 'peergate.limiter',
  decision: 'peergate.decision',
  state: 'peergate.circuit.state',
  adapter: 'peergate.adapter',
  action: 'peergate.rejection.action',
};

const by = (label: string, values: Readonly<Record<string, number>>): Reading[] =>
  Object.entries(values).map(([name, value]) => [value, { [label]: name }]);

export const metrics: readonly Metric[] = [
  {
    name: 'peergate.decisions',
    kind: 'counter',
    unit: '{decision}',
    help: 'Checks, by what was decided.',
    labels: ['decision'],
    read: (limiter) => by('decision', { ...limiter.decisions() }),
  },
  {
    name: 'peergate.circuit.transitions',
    kind: 'counter',
    unit: '{transition}',
    help: 'Circuits that entered a state.',
    labels: ['state'],
    read(limiter) {
      const { circuitOpened, circuitHalfOpened, circuitClosed } = limiter.stats();
      return by('state', { open: circuitOpened, half_open: circuitHalfOpened, closed: circuitClosed });
    },
  },
  {
    name: 'peergate.circuit.held_back',
    kind: 'counter',
    unit: '{trip}',
    help: 'Circuits that did not open because too many did at a time.',
    labels: [],
    read: (limiter) => [[limiter.stats().heldBack, {}]],
  },
  {
    name: 'peergate.peers',
    kind: 'updown',
    unit: '{peer}',
    help: 'Peers that have a row, by the state of their circuit.',
    labels: ['state'],
    read: async (limiter) => by('state', await limiter.countCircuits()),
  },
  {
    name: 'peergate.peers.limit',
    kind: 'updown',
    unit: '{peer}',
    help: 'Rows that the table has.',
    labels: [],
    read: (limiter) => [[limiter.config.maxPeers, {}]],
  },
  {
    name: 'peergate.peers.reclaimed',
    kind: 'counter',
    unit: '{peer}',
    help: 'Rows that were taken back for another peer.',
    labels: [],
    read: (limiter) => [[limiter.stats().reclaimed, {}]],
  },
  {
    name: 'peergate.results.stale',
    kind: 'counter',
    unit: '{result}',
    help: 'Results that were dropped because their period was over.',
    labels: [],
    read: (limiter) => [[limiter.stats().staleResults, {}]],
  },
  {
    name: 'peergate.rejections',
    kind: 'counter',
    unit: '{rejection}',
    help: 'Rejected requests, by what the adapter did with them.',
    labels: ['adapter', 'action'],
    read: (limiter) =>
      [...limiter.rejections].flatMap(([adapter, counts]) =>
        Object.entries(counts).map(([action, count]): Reading => [count, { adapter, action }]),
      ),
  },
  {
    name: 'peergate.load_factor',
    kind: 'gauge',
    unit: '1',
    help: 'The factor by which all limits are scaled.',
    labels: [],
    read: (limiter) => [[limiter.loadFactor, {}]],
  },
];

/** What a metric says of a limiter; nothing once that is closed. */
export async function readingsOf(metric: Metric, limiter: RateLimiter): Promise<readonly Reading[]> {
  try {
    // Only some of what is read needs the table; all of it is to end with it.
    void limiter.loadFactor;
    return await metric.read(limiter);
  } catch (error) {
    if (error instanceof ClosedError) return [];
    throw error;
  }
}
