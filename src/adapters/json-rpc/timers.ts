// Timers that do not keep a process alive: the socket they serve does that.

/** Lets the process end before the timer does, where the platform knows of such a thing. */
export function unref(timer: ReturnType<typeof setTimeout>): void {
  (timer as { unref?: () => unknown }).unref?.();
}
