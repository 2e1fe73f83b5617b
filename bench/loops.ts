// The loops around what is measured. Every subject runs in the same loop, so its cost is in every figure.

import type { AsyncLoop, Loop } from './measure.js';
import { OPS, type Order } from './workload.js';

/** The time between two requests if the caller passes `now`: about a microsecond. */
export const STEP_MS = 2 ** -10;

/** Makes one request after the other. `step` returns whether it was allowed. Either all or none must be allowed. */
export function requests(order: Order, allowed: boolean, step: (pick: number, now: number) => boolean): Loop {
  const { picks, mask } = order;
  let at = 0;
  let now = 1_000;
  return {
    ops: OPS,
    sink: OPS,
    run() {
      let sum = 0;
      let time = now;
      const end = at + OPS;
      for (let i = at; i < end; i++) {
        time += STEP_MS;
        if (step(picks[i & mask] as number, time) === allowed) sum++;
      }
      at = end & mask;
      now = time;
      return sum;
    },
  };
}

/** The same for answers that are promises. Requests come one after the other, or `atOnce` are awaited together. */
export function asyncRequests(
  order: Order,
  allowed: boolean,
  step: (pick: number) => Promise<boolean>,
  atOnce = 1,
): AsyncLoop {
  const { picks, mask } = order;
  let at = 0;
  const one = (i: number) => step(picks[i & mask] as number);
  return {
    ops: OPS,
    sink: OPS,
    async run() {
      let sum = 0;
      const end = at + OPS;
      if (atOnce === 1) {
        for (let i = at; i < end; i++) if ((await one(i)) === allowed) sum++;
      } else {
        for (let i = at; i < end; i += atOnce) {
          const answers = await Promise.all(Array.from({ length: atOnce }, (_, j) => one(i + j)));
          for (const answer of answers) if (answer === allowed) sum++;
        }
      }
      at = end & mask;
      return sum;
    },
  };
}
