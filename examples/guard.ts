// The guard before handlers of one's own: what fails counts, what is cancelled does not, and a peer whose requests keep
// failing is not served for a while.
//
//     node --import tsx examples/guard.ts

import { RateLimiter, RpcGuard, RpcRejection, RpcTimeout } from '../src/index.js';

const limiter = new RateLimiter({ circuitBreakerThreshold: 3, circuitBreakerTimeoutMs: 200 });
const guard = new RpcGuard(limiter, { timeoutMs: 50 });

async function call(peer: string, handler: () => unknown): Promise<string> {
  try {
    return `answer: ${await guard.run(peer, handler)}`;
  } catch (error) {
    if (error instanceof RpcRejection) return `error ${error.code}: ${error.message}, ${JSON.stringify(error.data)}`;
    return error instanceof RpcTimeout
      ? `timed out after ${error.timeoutMs} ms`
      : `failed: ${(error as Error).message}`;
  }
}

const fine = () => 42;
const broken = () => {
  throw new Error('no such block');
};
const stuck = () => new Promise(() => {});

console.log(await call('honest', fine));
console.log(await call('hostile', broken));
console.log(await call('hostile', stuck));
console.log(await call('hostile', broken));
console.log(await call('hostile', fine), '<- its circuit is open');
console.log(await call('honest', fine));
await new Promise((resolve) => setTimeout(resolve, 200));
console.log(await call('hostile', fine), '<- a probe, which closes it');
console.log(limiter.stats());
