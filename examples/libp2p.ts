// A libp2p node that limits the streams of each remote peer, and a peer that opens one too many. It needs Node 22.
//
//     node --import tsx examples/libp2p.ts

import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { RateLimiter, RpcGuard } from 'peergate';
import { guardStream } from 'peergate/libp2p';

const ECHO = '/echo/1.0.0';
const options = { transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] };
const server = await createLibp2p({ ...options, addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] } });
const client = await createLibp2p(options);

const guard = new RpcGuard(new RateLimiter({ maxRequestsPerSec: 0.1, burstSize: 3 }));
const echo = guardStream(guard, async (stream) => {
  for await (const bytes of stream) stream.send(bytes);
  await stream.close();
});
await server.handle(ECHO, echo);

for (let i = 0; i < 4; i++) {
  try {
    const stream = await client.dialProtocol(server.getMultiaddrs(), ECHO);
    stream.send(new TextEncoder().encode('hello'));
    stream.close();
    for await (const bytes of stream) console.log(new TextDecoder().decode(bytes.subarray()));
  } catch (error) {
    console.log(`turned away: ${(error as Error).message}`);
  }
}
await client.stop();
await server.stop();
