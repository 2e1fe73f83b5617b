/** Timers that run when a test tells them to. */

export interface Timer {
  readonly ms: number;
  run(): void;
}

/** `act` gets the timers that were set meanwhile and not cleared, in order. */
export function withTimers(act: (timers: Timer[]) => void): void {
  const { setTimeout, clearTimeout } = globalThis;
  const timers: Timer[] = [];
  try {
    globalThis.setTimeout = ((run: () => void, ms: number) => {
      const timer = { ms, run };
      timers.push(timer);
      return timer;
    }) as never;
    globalThis.clearTimeout = ((timer: Timer) => {
      if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
    }) as never;
    act(timers);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}
