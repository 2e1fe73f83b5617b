// Metrics for OpenTelemetry, whose API is taken by its structure. One callback a limiter gives all values of one collection.

import type { RateLimiter } from '../index.js';
import { ATTRIBUTES, type Labels, type Metric, metrics, readingsOf } from './readings.js';

interface Described {
  readonly unit: string;
  readonly description: string;
}

interface Observations {
  observe(instrument: never, value: number, attributes: Record<string, string>): void;
}

type Callback = (observations: Observations) => Promise<void>;

/** What is used of OpenTelemetry's `Meter`. */
export interface TelemetryMeter {
  createObservableCounter(name: string, options: Described): unknown;
  createObservableUpDownCounter(name: string, options: Described): unknown;
  createObservableGauge(name: string, options: Described): unknown;
  addBatchObservableCallback(callback: Callback, instruments: never[]): void;
  removeBatchObservableCallback(callback: Callback, instruments: never[]): void;
}

/** Gives the limiter's values to the meter. Returns a function that ends it. */
export function meterLimiter(limiter: RateLimiter, meter: TelemetryMeter, name: string): () => void {
  const instruments = metrics.map((metric) => instrumentOf(meter, metric) as never);
  const callback: Callback = async (observations) => {
    for (const [i, metric] of metrics.entries()) {
      for (const [value, labels] of await readingsOf(metric, limiter)) {
        observations.observe(instruments[i] as never, value, attributesOf({ limiter: name, ...labels }));
      }
    }
  };
  meter.addBatchObservableCallback(callback, instruments);
  return () => meter.removeBatchObservableCallback(callback, instruments);
}

function instrumentOf(meter: TelemetryMeter, { name, kind, unit, help }: Metric): unknown {
  const options = { unit, description: help };
  if (kind === 'counter') return meter.createObservableCounter(name, options);
  if (kind === 'updown') return meter.createObservableUpDownCounter(name, options);
  return meter.createObservableGauge(name, options);
}

function attributesOf(labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [ATTRIBUTES[label] as string, value]));
}
