// Deadlines for Workers, where a timer belongs to the request that set it and ends with that request. So no timer can serve
// several calls, and each call has its own.

import type { Deadline } from './deadline.js';

export class Deadlines {
  add(deadline: Deadline, timeoutMs: number): void {
    deadline.timer = setTimeout(() => deadline.expire(), timeoutMs);
  }

  /** Also for one that was not added, or has expired. */
  remove(deadline: Deadline): void {
    if (deadline.timer !== undefined) clearTimeout(deadline.timer);
  }
}
