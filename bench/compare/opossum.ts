// opossum: one breaker is one object, with its own statistics and timers. The case puts rate-limiter-flexible in front of it.

import { keyed, load, type Protection } from './library.js';
import { rateLimiterFlexible } from './rate-limiter-flexible.js';

interface Breaker {
  fire(): Promise<unknown>;
  open(): void;
}

interface Module {
  default: new (action: () => Promise<unknown>, options: object) => Breaker;
}

export const flexibleAndOpossum: Protection = {
  name: 'rate-limiter-flexible + opossum',
  how: 'RateLimiterMemory and a Map of CircuitBreaker, await fire',
  async make(ids, mode, handler) {
    const { default: CircuitBreaker } = await load<Module>('opossum');
    const allow = await rateLimiterFlexible.make(ids, 'allow');
    const breakers = keyed(ids, () => new CircuitBreaker(handler, { timeout: false, resetTimeout: 2 ** 31 - 1 }));
    if (mode === 'reject') for (const breaker of breakers.values()) breaker.open();
    return async (id) => {
      if (!(await allow(id))) return false;
      try {
        await (breakers.get(id) as Breaker).fire();
        return true;
      } catch {
        return false;
      }
    };
  },
};
