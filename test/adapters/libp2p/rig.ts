/** Real libp2p nodes over TCP on loopback, with Noise and Yamux. */

import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Libp2p, ServiceMap, Stream, StreamHandler } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { createLibp2p, type ServiceFactoryMap } from 'libp2p';

export const PROTOCOL = '/test/1.0.0';

export function nodeOf<T extends ServiceMap>(services: ServiceFactoryMap<T>, isServer = true): Promise<Libp2p<T>> {
  return createLibp2p<T>({
    addresses: { listen: isServer ? ['/ip4/127.0.0.1/tcp/0'] : [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: Number.POSITIVE_INFINITY },
    connectionMonitor: { enabled: false },
    services,
  });
}

export const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The text of the stream's next piece, or undefined where it has ended. */
export async function nextText(stream: Stream): Promise<string | undefined> {
  for await (const piece of stream) return new TextDecoder().decode(piece.subarray());
  return undefined;
}

/** A server of one protocol, and a client for each name. */
export async function serveStreams(handlerOf: (nameOf: (peer: object) => string) => StreamHandler) {
  const names = new Map<string, string>();
  const server = await nodeOf({});
  const handler = handlerOf((peer) => names.get(String(peer)) ?? 'nobody');
  await server.handle(PROTOCOL, handler, { maxInboundStreams: 1_000 });
  const clients = new Map<string, Promise<Libp2p>>();
  const client = (as: string) => {
    let one = clients.get(as);
    if (one === undefined) {
      one = nodeOf({}, false).then((node) => {
        names.set(node.peerId.toString(), as);
        return node;
      });
      clients.set(as, one);
    }
    return one;
  };
  return {
    server,
    client,
    open: async (as: string): Promise<Stream> =>
      (await client(as)).dialProtocol(server.getMultiaddrs(), PROTOCOL, { maxOutboundStreams: 1_000 }),
    async stop() {
      for (const one of clients.values()) await (await one).stop();
      await server.stop();
    },
  };
}
