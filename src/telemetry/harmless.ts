// What is observed goes on, whatever becomes of who observes it.

/** Runs `act`. What it throws is thrown where nobody waits for it, as an uncaught exception. */
export function harmless(act: () => void): void {
  try {
    act();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Runs all of `acts`, and then throws the first error there was. */
export function runAll(acts: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const act of acts) {
    try {
      act();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
