// A handle for a connection: it finds its row once, keeps it while the connection is idle, and decides for a whole
// batch of frames with one reading of the clock.
//
//     node --import tsx examples/connection.ts

import { isAllowed, presets, RateLimiter, reasonOf, retryAfterMs } from 'peergate';

const limiter = new RateLimiter({ ...presets.strict, maxPeers: 1_000 });

/** What a server does with the frames that one read of a socket brought. */
function onFrames(peer: ReturnType<RateLimiter['peer']>, frames: readonly string[]): void {
  const now = performance.now();
  for (const frame of frames) {
    const decision = peer.check(1, now);
    if (!isAllowed(decision)) {
      console.log(`${frame}: ${reasonOf(decision)}, again in ${retryAfterMs(decision)} ms; the rest is dropped`);
      return;
    }
    peer.recordSuccess(decision, now);
  }
  console.log(`${frames.length} frames let through, ${peer.availableTokens} tokens left`);
}

{
  using peer = limiter.peer('12D3KooWExample');
  onFrames(peer, ['one', 'two', 'three']);
  onFrames(
    peer,
    Array.from({ length: 30 }, (_, i) => `frame ${i}`),
  );
} // the connection closed: the handle is released, the debt stays

const again = limiter.peer('12D3KooWExample');
console.log(`reconnected with ${again.availableTokens} tokens`);
