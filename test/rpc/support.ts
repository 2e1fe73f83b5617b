/** What the guard's and the adapters' suites share: waiting for what has to happen, without ever guessing how long it takes. */

/** A promise and the means to settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** What the guard's errors may carry beside their message. */
export interface Rejected extends Error {
  readonly code?: unknown;
  readonly data?: unknown;
  readonly timeoutMs?: unknown;
}

/** The error that a promise rejects with; fails where it does not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Rejected> {
  const nothing = Symbol();
  const error = await promise.then(
    () => nothing,
    (reason) => reason,
  );
  if (error === nothing) throw new Error('expected a rejection');
  return error as Rejected;
}

/** Lets everything that is due run: microtasks, and a turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const GIVE_UP_AFTER_MS = 5 * 60_000;

/** Waits until it holds, however slow the machine; gives up only before the runner does, to say what it waited for. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + GIVE_UP_AFTER_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`still waiting: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
