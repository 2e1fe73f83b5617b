// The guard before handlers of your own: what fails counts, and a peer whose requests keep failing is not served for a
// while.
//
//     node --import tsx examples/guard.ts

import { RateLimiter, RpcGuard, RpcRejection, RpcTimeout } from 'peergate';

// The clock is an option. This one is moved by hand, so that nobody has to wait for a circuit here.
let nowMs = 0;
const limiter = new RateLimiter({ circuitBreakerThreshold: 3, circuitBreakerTimeoutMs: 30_000, clock: () => nowMs });
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
nowMs += 30_000;
console.log(await call('hostile', fine), '<- a probe, which closes it');
console.log(limiter.stats());
