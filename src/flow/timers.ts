// Timers that do not keep a process alive (the socket they serve does that), and turns of the event loop.

/** Lets the process end before the timer does, where the platform knows of such a thing. */
export function unref(timer: ReturnType<typeof setTimeout>): void {
  (timer as { unref?: () => unknown }).unref?.();
}

/** Node's, and that of those who follow it; unknown to pages. */
const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };

/** Runs it once sockets have been read; where the platform has no `setImmediate`, a timer comes closest. */
export function afterEvents(run: () => void): void {
  if (setImmediate) setImmediate(run);
  else setTimeout(run, 0);
}
