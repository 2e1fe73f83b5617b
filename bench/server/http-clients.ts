// HTTP clients with connections that stay open, in a process of their own: `http-clients.ts PORT PORT`. Each has one request out.
// They use one of two servers at a time, as they are told to, and check each answer.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Order, Turn } from './pair-clients.js';

const CONNECTIONS = 32;
const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

const opened = async (port: string) => {
  const socket = connect(Number(port), '127.0.0.1').setNoDelay().setEncoding('latin1');
  await once(socket, 'connect');
  return socket;
};
const servers = await Promise.all(
  process.argv.slice(2).map((port) => Promise.all(Array.from({ length: CONNECTIONS }, () => opened(port)))),
);

function use(socket: Socket, end: number): Promise<number> {
  return new Promise((resolve) => {
    let answered = 0;
    let text = '';
    const receive = (chunk: string) => {
      text += chunk;
      if (!text.endsWith('\r\n\r\nhello')) return;
      if (!text.startsWith('HTTP/1.1 200 ')) throw new Error(`not the answer: ${text}`);
      text = '';
      answered++;
      if (performance.now() < end) socket.write(REQUEST);
      else {
        socket.off('data', receive);
        resolve(answered);
      }
    };
    socket.on('data', receive);
    socket.write(REQUEST);
  });
}

process.on('message', async ({ which, ms }: Order) => {
  const start = performance.now();
  const counts = await Promise.all((servers[which] as Socket[]).map((socket) => use(socket, start + ms)));
  const answered = counts.reduce((sum, count) => sum + count, 0);
  process.send?.({ answered, ms: performance.now() - start } satisfies Turn);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
