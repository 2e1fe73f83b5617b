// The built package, which is what users run, with the types of the sources.

import type * as Api from '../src/index.js';

export type { Peer, RateLimiter } from '../src/index.js';

const file = new URL('../dist/index.js', import.meta.url).href;
const api = (await import(file)) as typeof Api;

export const { coarseClock, presets, RateLimiter: Limiter, RpcGuard } = api;
