// A libp2p node with the guard before a protocol: the second stream of a peer is one too many.

import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { RateLimiter, RpcGuard } from 'peergate';
import { guardStream } from 'peergate/libp2p';

const PROTOCOL = '/test/1.0.0';

const node = (listen) =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });

export async function check(expect) {
  const limiter = new RateLimiter({ maxRequestsPerSec: 0.01, burstSize: 1, maxPeers: 100 });
  const server = await node(['/ip4/127.0.0.1/tcp/0']);
  const client = await node([]);
  let handled = 0;
  const echo = async (stream) => {
    handled++;
    for await (const bytes of stream) stream.send(bytes);
    await stream.close();
  };
  try {
    await server.handle(PROTOCOL, guardStream(new RpcGuard(limiter), echo));
    expect('the first stream', await echoOf(client, server, 'hello'), 'hello');
    expect('the second stream', await echoOf(client, server, 'hello'), 'reset');
    expect('streams handled', handled, 1);
    expect('streams closed', limiter.rejectionsBy('libp2p').closed, 1);
    expect('the peer', [...limiter.peers()].map(({ id }) => id).join(), client.peerId.toString());
  } finally {
    await client.stop();
    await server.stop();
  }
}

/** The reset may come while the protocol is still being agreed on, or later. */
async function echoOf(client, server, text) {
  try {
    const stream = await client.dialProtocol(server.getMultiaddrs(), PROTOCOL);
    stream.send(new TextEncoder().encode(text));
    stream.close();
    let echo = '';
    for await (const bytes of stream) echo += new TextDecoder().decode(bytes.subarray());
    return echo;
  } catch {
    return 'reset';
  }
}
