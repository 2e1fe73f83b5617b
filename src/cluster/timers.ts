// Timers that keep no process alive.

/** Calls `act` after so many milliseconds. Returns what cancels it. */
export function after(ms: number, act: () => void): () => void {
  const timer: unknown = setTimeout(act, ms);
  // Node's timers are objects, those of browsers are numbers.
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function')
    timer.unref();
  return () => clearTimeout(timer as number);
}

/** What the promise gives, unless that takes longer; then an error. */
export function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = after(ms, () => reject(new Error(`${what}: no answer within ${ms} ms`)));
    promise.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error) => {
        cancel();
        reject(error);
      },
    );
  });
}
