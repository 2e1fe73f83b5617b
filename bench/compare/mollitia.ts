// mollitia: one circuit for each peer, with a rate limit (a log of the last requests) and a breaker over a sliding window.

import { keyed, load, type Protection } from './library.js';

interface Circuit {
  execute(): Promise<unknown>;
}

interface Module {
  Circuit: new (options: { func: () => Promise<unknown>; options: { modules: unknown[] } }) => Circuit;
  Ratelimit: new (options: { limitPeriod: number; limitForPeriod: number }) => unknown;
  SlidingCountBreaker: new (options: object) => unknown;
  BreakerState: { OPENED: string; CLOSED: string };
}

/** The log holds ten requests and forgets them soon. So it allows everything and stays short. */
const LIMIT = { limitPeriod: 1e-9, limitForPeriod: 10 };

export const mollitia: Protection = {
  name: 'mollitia',
  how: 'a Map of Circuit with Ratelimit and SlidingCountBreaker, await execute',
  async make(ids, mode, handler) {
    const { Circuit, Ratelimit, SlidingCountBreaker, BreakerState } = await load<Module>('mollitia');
    const circuits = keyed(ids, () => {
      const breaker = new SlidingCountBreaker({
        slidingWindowSize: 10,
        minimumNumberOfCalls: 10,
        failureRateThreshold: 100,
        openStateDelay: 2 ** 31 - 1,
        state: mode === 'allow' ? BreakerState.CLOSED : BreakerState.OPENED,
      });
      return new Circuit({ func: handler, options: { modules: [new Ratelimit(LIMIT), breaker] } });
    });
    return async (id) => {
      try {
        await (circuits.get(id) as Circuit).execute();
        return true;
      } catch {
        return false;
      }
    };
  },
};
