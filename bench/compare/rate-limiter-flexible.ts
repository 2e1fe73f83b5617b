// rate-limiter-flexible: fixed windows in memory, with one timer for each key. A rejection is a rejected promise.

import { type AsyncLimiter, LONG_SECONDS, load, PLENTY } from './library.js';

interface Module {
  RateLimiterMemory: new (options: {
    points: number;
    duration: number;
  }) => { consume(key: string, points?: number): Promise<{ readonly remainingPoints: number }> };
}

export const rateLimiterFlexible: AsyncLimiter = {
  name: 'rate-limiter-flexible',
  how: 'RateLimiterMemory, await consume',
  async make(ids, mode) {
    const { RateLimiterMemory } = await load<Module>('rate-limiter-flexible');
    const limiter = new RateLimiterMemory({ points: mode === 'allow' ? PLENTY : 1, duration: LONG_SECONDS });
    for (const id of ids) await limiter.consume(id);
    return async (id) => {
      try {
        await limiter.consume(id);
        return true;
      } catch {
        return false;
      }
    };
  },
};
