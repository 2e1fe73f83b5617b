// The entry `peergate/prometheus`: metrics in a registry of prom-client, which is taken by its structure and not imported.

import { ConfigError, type RateLimiter, requireKnownFields } from '../index.js';
import { type Metric, metrics, readingsOf } from './readings.js';

/** What is used of prom-client's `Registry`. */
export interface PrometheusRegistry {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
  getSingleMetric(name: string): unknown;
}

export interface PrometheusOptions {
  /** The value of the label `limiter`, which tells limiters of one registry apart. Default `default`. */
  readonly name?: string | undefined;
  /** What the metrics' names begin with. Default `peergate_`. */
  readonly prefix?: string | undefined;
}

/** A metric as a registry wants it: asked for its values with each scrape. */
class Family {
  /** A registry in OpenMetrics mode cuts `_total` off. */
  name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly aggregator = 'sum';
  readonly labelNames: readonly string[];
  readonly #metric: Metric;
  readonly #limiters: ReadonlyMap<string, RateLimiter>;

  constructor(metric: Metric, prefix: string, limiters: ReadonlyMap<string, RateLimiter>) {
    this.name = nameOf(metric, prefix);
    this.help = metric.help;
    this.type = metric.kind === 'counter' ? 'counter' : 'gauge';
    this.labelNames = ['limiter', ...metric.labels];
    this.#metric = metric;
    this.#limiters = limiters;
  }

  async get() {
    const values: { value: number; labels: Record<string, string> }[] = [];
    for (const [limiter, source] of this.#limiters) {
      for (const [value, labels] of await readingsOf(this.#metric, source)) {
        values.push({ value, labels: { limiter, ...labels } });
      }
    }
    return { name: this.name, help: this.help, type: this.type, values, aggregator: this.aggregator };
  }

  /** The totals are the limiter's own. */
  reset(): void {}
}

function nameOf({ name, kind }: Metric, prefix: string): string {
  return `${prefix}${name.replace(/^peergate\./, '').replaceAll('.', '_')}${kind === 'counter' ? '_total' : ''}`;
}

/** The metrics that a registry has under one prefix, and the limiters that they ask, by their names. */
class Families {
  readonly limiters = new Map<string, RateLimiter>();
  readonly #registry: PrometheusRegistry;
  readonly #families: ReadonlyMap<string, Family>;

  constructor(registry: PrometheusRegistry, prefix: string) {
    this.#registry = registry;
    this.#families = new Map(
      metrics.map((metric) => [nameOf(metric, prefix), new Family(metric, prefix, this.limiters)]),
    );
  }

  /** Not before they were put in, nor after somebody cleared the registry. */
  get areIn(): boolean {
    for (const name of this.#families.keys()) if (!this.#isIn(name)) return false;
    return true;
  }

  /** All of them, or none where a name is taken. */
  putIn(): void {
    this.takeOut();
    this.limiters.clear();
    try {
      for (const family of this.#families.values()) this.#registry.registerMetric(family as never);
    } catch (error) {
      this.takeOut();
      throw error;
    }
  }

  /** What somebody else has put in under one of the names stays. */
  takeOut(): void {
    for (const name of this.#families.keys()) if (this.#isIn(name)) this.#registry.removeSingleMetric(name);
  }

  #isIn(name: string): boolean {
    return this.#registry.getSingleMetric(name) === this.#families.get(name);
  }
}

const registered = new WeakMap<PrometheusRegistry, Map<string, Families>>();

function familiesOf(registry: PrometheusRegistry, prefix: string): Families {
  const byPrefix = registered.get(registry) ?? new Map<string, Families>();
  const families = byPrefix.get(prefix) ?? new Families(registry, prefix);
  byPrefix.set(prefix, families);
  registered.set(registry, byPrefix);
  return families;
}

/**
 * Puts a limiter's metrics into a registry, where they are read with each scrape. Several limiters may share a registry under
 * different names.
 *
 * @returns A function that takes the limiter out again. A closed limiter has no values any more.
 * @throws ConfigError for an unknown option, a name that is taken, or what is not a limiter or a registry.
 *
 * @example
 * registerPrometheus(limiter, register, { name: 'rpc' });
 * createServer(async (_, response) => response.end(await register.metrics())).listen(9464);
 */
export function registerPrometheus(
  limiter: RateLimiter,
  registry: PrometheusRegistry,
  options: PrometheusOptions = {},
): () => void {
  requireKnownFields(options, ['name', 'prefix']);
  const { name = 'default', prefix = 'peergate_' } = options;
  if (typeof limiter?.decisions !== 'function') throw new ConfigError('limiter', 'a RateLimiter', limiter);
  for (const method of ['registerMetric', 'removeSingleMetric', 'getSingleMetric'] as const) {
    if (typeof registry?.[method] !== 'function') throw new ConfigError('registry', 'a Registry', registry);
  }
  if (typeof name !== 'string' || name === '') throw new ConfigError('name', 'a name', name);
  if (typeof prefix !== 'string' || !/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix)) {
    throw new ConfigError('prefix', 'the beginning of a metric name', prefix);
  }
  const families = familiesOf(registry, prefix);
  if (!families.areIn) families.putIn();
  const { limiters } = families;
  if (limiters.has(name)) throw new ConfigError('name', 'a name that no limiter of this registry has', name);
  limiters.set(name, limiter);
  return () => {
    if (limiters.get(name) !== limiter) return;
    limiters.delete(name);
    if (limiters.size === 0) families.takeOut();
  };
}
