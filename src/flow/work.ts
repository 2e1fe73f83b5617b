// What is in flight for a connection, and what becomes of it when the client leaves: it is told by its signal, and all of it
// together is one failure.

import type { Decision, RpcPeer, RunOptions } from '../index.js';
import type { Link, Work } from './session.js';
import type { Message } from './socket.js';
import { tell } from './tell.js';

/** The connection that the work is for. */
type Owner = Pick<Link, 'guard' | 'peer' | 'counters' | 'send' | 'done'> & {
  /** The protocol threw. */
  fault(): void;
};

export class InFlight {
  /** Work whose answer is not out yet. */
  count = 0;
  readonly #owner: Owner;
  /** Aborts when nobody waits for answers any more. Made with the first work that needs it. */
  #gone: AbortController | undefined;
  /** What clients wait for, by the options that it runs with, and who hears how it went. */
  readonly #awaited = new Map<RunOptions<never>, RpcPeer>();

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  run<T>(work: Work<T>): void {
    const { guard, peer: own, counters } = this.#owner;
    const peer = work.peer ?? own;
    const { isAwaited } = work;
    if (isAwaited) this.#gone ??= new AbortController();
    const options: RunOptions<T> = {
      decision: work.permit,
      signal: isAwaited ? this.#gone?.signal : undefined,
      classify:
        work.judge === undefined ? undefined : (settled) => (work.judge as NonNullable<typeof work.judge>)(settled),
    };
    this.count++;
    counters.requests++;
    if (isAwaited) this.#awaited.set(options, peer);
    guard
      .run(peer, (signal) => work.run({ signal }), options)
      .then(
        (value) => this.#end(work, options, () => work.ended(value)),
        (error) => this.#end(work, options, () => work.failed(error)),
      );
  }

  /** Nobody waits for answers any more. Where it is the client who left, that is one failure. */
  end(isFailure: boolean): void {
    if (isFailure) {
      for (const [{ decision }, peer] of this.#awaited) if (tell(peer, 'failure', decision as Decision)) break;
    }
    this.#gone?.abort(new Error('the connection is closed'));
  }

  #end<T>(work: Work<T>, options: RunOptions<T>, answer: () => Message | undefined): void {
    this.#awaited.delete(options as RunOptions<never>);
    try {
      const message = answer();
      if (message !== undefined) this.#owner.send(message);
    } catch {
      this.#owner.fault();
    }
    if (!work.isHeld) this.#owner.done(1);
  }
}
