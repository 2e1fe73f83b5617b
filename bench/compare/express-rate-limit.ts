// express-rate-limit: its memory store without express. The case compares the count with the limit, as the middleware does.

import { type AsyncLimiter, LONG_SECONDS, load, PLENTY } from './library.js';

interface Module {
  MemoryStore: new () => {
    init(options: { windowMs: number }): void;
    increment(key: string): Promise<{ readonly totalHits: number }>;
  };
}

export const expressRateLimit: AsyncLimiter = {
  name: 'express-rate-limit',
  how: 'MemoryStore, await increment',
  async make(ids, mode) {
    const { MemoryStore } = await load<Module>('express-rate-limit');
    const store = new MemoryStore();
    store.init({ windowMs: LONG_SECONDS * 1000 });
    const limit = mode === 'allow' ? PLENTY : 0;
    for (const id of ids) await store.increment(id);
    return async (id) => (await store.increment(id)).totalHits <= limit;
  },
};
