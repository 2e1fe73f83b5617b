// cockatiel: one breaker is one object. It has no rate limiter, so the case puts `limiter` in front of it.

import { keyed, load, type Protection } from './library.js';
import { bucketsOf } from './limiter.js';

interface Policy {
  execute(fn: () => Promise<unknown>): Promise<unknown>;
}

interface Module {
  circuitBreaker(policy: unknown, options: { halfOpenAfter: number; breaker: unknown }): Policy;
  ConsecutiveBreaker: new (threshold: number) => unknown;
  handleAll: unknown;
}

export const limiterAndCockatiel: Protection = {
  name: 'limiter + cockatiel',
  how: 'Maps of TokenBucket and circuitBreaker, await execute',
  async make(ids, mode, handler) {
    const { circuitBreaker, ConsecutiveBreaker, handleAll } = await load<Module>('cockatiel');
    const buckets = await bucketsOf(ids, 'allow');
    const breakers = keyed(ids, () =>
      circuitBreaker(handleAll, { halfOpenAfter: 2 ** 31 - 1, breaker: new ConsecutiveBreaker(10) }),
    );
    if (mode === 'reject') {
      const fail = () => Promise.reject(new Error('fails'));
      for (const breaker of breakers.values()) for (let i = 0; i < 10; i++) await breaker.execute(fail).catch(() => {});
    }
    return async (id) => {
      if (!(buckets.get(id) as { tryRemoveTokens(count: number): boolean }).tryRemoveTokens(1)) return false;
      try {
        await (breakers.get(id) as Policy).execute(handler);
        return true;
      } catch {
        return false;
      }
    };
  },
};
