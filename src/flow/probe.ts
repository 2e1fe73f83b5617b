// A batch in a half-open circuit is one probe, however many members it has, and so it is judged once.
//
// Were each member judged by itself, the first success would close the circuit and the failures after it would belong to
// a period that is over; and each ignored member would give back a probe of which there is only one.

import type { Decision, RpcPeer } from '../index.js';

/** Stands in for the peer while the members run: a failure counts at once, a success when all have ended without one. */
export class BatchProbe implements RpcPeer {
  readonly #peer: RpcPeer;
  #left: number;
  #failed = false;
  #succeeded = false;
  /** Of the members, where that is measured: a batch is as slow as its slowest one. */
  #slowestMs: number | undefined = undefined;

  constructor(peer: RpcPeer, members: number) {
    this.#peer = peer;
    this.#left = members;
  }

  check(cost?: number, now?: number): Decision {
    return this.#peer.check(cost, now);
  }

  recordSuccess(permit?: Decision, _now?: number, durationMs?: number): boolean {
    this.#succeeded = true;
    if (durationMs !== undefined) this.#slowestMs = Math.max(this.#slowestMs ?? 0, durationMs);
    return this.#end(permit);
  }

  recordFailure(permit?: Decision): boolean {
    const first = !this.#failed;
    this.#failed = true;
    return first && this.#peer.recordFailure(permit);
  }

  recordIgnored(permit?: Decision): boolean {
    return this.#end(permit);
  }

  #end(permit: Decision | undefined): boolean {
    if (--this.#left > 0 || this.#failed) return false;
    return this.#succeeded
      ? this.#peer.recordSuccess(permit, undefined, this.#slowestMs)
      : this.#peer.recordIgnored(permit);
  }
}
