// limiter: one token bucket is one object. The service keeps them in a `Map`.

import { keyed, load, type Mode, PLENTY, type SyncLimiter } from './library.js';

interface TokenBucket {
  content: number;
  tryRemoveTokens(count: number): boolean;
}

interface Module {
  TokenBucket: new (options: { bucketSize: number; tokensPerInterval: number; interval: number }) => TokenBucket;
}

export async function bucketsOf(ids: readonly string[], mode: Mode): Promise<Map<string, TokenBucket>> {
  const { TokenBucket } = await load<Module>('limiter');
  return keyed(ids, () => {
    const bucket =
      mode === 'allow'
        ? new TokenBucket({ bucketSize: PLENTY, tokensPerInterval: PLENTY, interval: 1000 })
        : new TokenBucket({ bucketSize: 1, tokensPerInterval: 1, interval: PLENTY });
    bucket.content = mode === 'allow' ? PLENTY : 0;
    return bucket;
  });
}

export const limiter: SyncLimiter = {
  name: 'limiter',
  how: 'Map of TokenBucket, tryRemoveTokens',
  async make(ids, mode) {
    const buckets = await bucketsOf(ids, mode);
    return (id) => (buckets.get(id) as TokenBucket).tryRemoveTokens(1);
  },
};

export const limiterInHand: SyncLimiter = {
  name: 'limiter',
  how: 'TokenBucket in hand, no Map',
  async make(ids, mode) {
    const buckets = [...(await bucketsOf(ids, mode)).values()];
    // The loop goes through the peers in order, so it needs no look-up.
    let next = 0;
    return () => {
      const bucket = buckets[next++] as TokenBucket;
      if (next === buckets.length) next = 0;
      return bucket.tryRemoveTokens(1);
    };
  },
};
