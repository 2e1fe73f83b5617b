// Clients of two socket.io servers, in a process of their own: `socket-clients.ts PORT PORT`. They use one of them at a time, as
// they are told to, and check each answer.

import { io, type Socket } from 'socket.io-client';
import type { Order, Turn } from './pair-clients.js';

const CONNECTIONS = 8;
/** Events that are out on a connection. */
const OUT = 10;

async function connect(port: string): Promise<Socket> {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

const servers = await Promise.all(
  process.argv.slice(2).map((port) => Promise.all(Array.from({ length: CONNECTIONS }, () => connect(port)))),
);

process.on('message', async ({ which, ms }: Order) => {
  const start = performance.now();
  let answered = 0;
  const lane = async (socket: Socket) => {
    for (; performance.now() - start < ms; answered++) {
      const sum = await socket.emitWithAck('add', answered, 1);
      if (typeof sum !== 'number') throw new Error(`wrong answer: ${JSON.stringify(sum)}`);
    }
  };
  await Promise.all((servers[which] as Socket[]).flatMap((socket) => Array.from({ length: OUT }, () => lane(socket))));
  process.send?.({ answered, ms: performance.now() - start } satisfies Turn);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
