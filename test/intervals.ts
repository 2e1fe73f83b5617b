/** Intervals that run when a test tells them to. */

export interface Interval {
  readonly ms: number;
  run(): void;
}

/** Replaces `setInterval` until `restore` is called; `intervals` are those that were set meanwhile and not cleared. */
export function fakeIntervals(): { readonly intervals: Interval[]; readonly restore: () => void } {
  const { setInterval, clearInterval } = globalThis;
  const intervals: Interval[] = [];
  globalThis.setInterval = ((run: () => void, ms: number) => {
    const interval = { ms, run };
    intervals.push(interval);
    return interval;
  }) as never;
  globalThis.clearInterval = ((interval: Interval) => {
    if (intervals.includes(interval)) intervals.splice(intervals.indexOf(interval), 1);
  }) as never;
  return { intervals, restore: () => Object.assign(globalThis, { setInterval, clearInterval }) };
}

export function withIntervals(act: (intervals: Interval[]) => void): void {
  const { intervals, restore } = fakeIntervals();
  try {
    act(intervals);
  } finally {
    restore();
  }
}
