/** Engines of the tests, and what stands between them and their clients. */

import { connect, createServer, type Socket } from 'node:net';
import { Redis } from 'iovalkey';
import type { Test } from 'uvu';
import { SERVERS, serverPaths } from '../../scripts/engine.js';

export { pause, Server, serverPaths, startCluster } from '../../scripts/engine.js';

/** What defines a test that needs a server: it is skipped, with the reason, where there is none. */
export function testOfServer(suite: Test): Test | Test['skip'] {
  if (serverPaths.length > 0) return suite;
  console.log(`skipped, because there is no ${SERVERS.join(' or ')} on the path: install the package redis-server`);
  return suite.skip;
}

/** A client as peergate takes it. */
export async function clientOf(port: number, options = {}): Promise<Redis> {
  const client = new Redis(port, '127.0.0.1', {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    lazyConnect: true,
    retryStrategy: () => 50,
    ...options,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Between client and server: stalls, as a network does that loses everything and says nothing. */
export class Relay {
  readonly #server = createServer((client) => this.#join(client));
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #stalled = false;

  constructor(target: number) {
    this.#target = target;
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { port: number }).port;
  }

  set stalled(stalled: boolean) {
    this.#stalled = stalled;
    for (const socket of this.#sockets) stalled ? socket.pause() : socket.resume();
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (data) => to.write(data));
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#stalled) from.pause();
    }
  }
}
