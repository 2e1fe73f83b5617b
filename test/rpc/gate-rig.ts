/** A gate for tests: its requests say who they are from. */

import * as assert from 'uvu/assert';
import {
  type End,
  type GateOptions,
  type Passage,
  type PeerId,
  RateLimiter,
  type RateLimiterConfig,
  type Refusal,
  RpcGate,
  RpcGuard,
} from '../../src/index.js';
import type { Engine } from '../engines.js';
import { openCircuit } from '../support.js';

export interface Call {
  readonly from: PeerId | undefined;
  readonly cost?: number;
}

export const done: End = { how: 'done' };
export const failed: End = { how: 'error', error: new Error('crash') };

/** A limiter whose clock stands where `at.ms` says, and a gate before it. */
export function rigOf(
  using: Engine['using'],
  options: GateOptions<Call> = {},
  config: Partial<RateLimiterConfig> = {},
  {
    isFailure,
    timeoutMs = 20,
  }: { isFailure?: (status: number | string | undefined) => boolean; timeoutMs?: number } = {},
) {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 5,
    circuitBreakerThreshold: 2,
    circuitBreakerTimeoutMs: 1_000,
    probeTimeoutMs: 500,
    clock: () => at.ms,
    ...using,
    ...config,
  });
  const guard = new RpcGuard(limiter, { timeoutMs });
  const gate = new RpcGate<Call>(guard, options, { name: 'test', peer: ({ from }) => from, isFailure });
  const enter = (from: PeerId = 'peer') => {
    const entry = gate.enter({ from });
    assert.is(entry?.allowed, true);
    return entry as Passage<Call>;
  };
  const refuse = (call: Call = { from: 'peer' }) => {
    const entry = gate.enter(call);
    assert.is(entry?.allowed, false);
    return entry as Refusal<Call>;
  };
  /** The peer's next request is a probe. */
  const halfOpen = () => {
    openCircuit(limiter, 'peer', at.ms);
    at.ms += 1_000;
  };
  const failures = () => [...limiter.peers()].find(({ id }) => id === 'peer')?.failures;
  return { at, limiter, guard, gate, enter, refuse, halfOpen, failures };
}

/** What `act` writes to the console as errors. */
export async function complaints(act: () => void | Promise<void>): Promise<unknown[][]> {
  const { error } = console;
  const written: unknown[][] = [];
  console.error = (...args: unknown[]) => written.push(args);
  try {
    await act();
  } finally {
    console.error = error;
  }
  return written;
}
