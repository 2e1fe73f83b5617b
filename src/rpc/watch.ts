// One call of a handler, from its start to its one end: it answered, it failed, its time was up, or its caller gave up,
// whichever came first. Whatever comes after that is swallowed: it reaches nobody, not even as an unhandled rejection.

import { follow, unfollow } from './abort.js';
import type { Settled } from './outcome.js';
import { RpcTimeout } from './rejection.js';

/** The longest a timer can wait; Node fires at once for anything above. */
export const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** Works on a request. The signal aborts when nobody waits for the answer any more. */
export type Handler<T> = (signal: AbortSignal) => T | PromiseLike<T>;

/** Told once how the call ended; `cancelled` where the caller's own signal ended it. */
export type End<T> = (settled: Settled<T>, cancelled: boolean) => void;

/** Calls `handler` and reports its end. `timeoutMs` may be `Infinity`; `signal` must not have aborted yet. */
export function watch<T>(handler: Handler<T>, timeoutMs: number, signal: AbortSignal | undefined, end: End<T>): void {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;

  const finish = (settled: Settled<T>, cancelled: boolean) => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    if (signal !== undefined) unfollow(signal, cancel);
    end(settled, cancelled);
  };
  const abandon = (reason: unknown, cancelled: boolean) => {
    // The end comes before the handler hears of it, so that nothing the handler does on its signal can change it.
    finish({ error: reason }, cancelled);
    controller.abort(reason);
  };
  const cancel = () => abandon(signal?.reason, true);

  if (timeoutMs <= LONGEST_TIMEOUT_MS) {
    timer = setTimeout(() => abandon(new RpcTimeout(timeoutMs), false), timeoutMs);
  }
  if (signal !== undefined) follow(signal, cancel);
  try {
    const returned = handler(controller.signal);
    if (isThenable(returned)) {
      Promise.resolve(returned).then(
        (value) => finish({ value }, false),
        (error) => finish({ error }, false),
      );
    } else {
      finish({ value: returned }, false);
    }
  } catch (error) {
    finish({ error }, false);
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
