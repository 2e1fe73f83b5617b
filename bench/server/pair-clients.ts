// Clients that always have a number of requests out, in a process of their own: `pair-clients.ts PORT PORT`. They use one of
// two servers at a time, as they are told to, and check each answer.

import { once } from 'node:events';
import { WebSocket } from 'ws';

/** Which server to use, how many requests a frame has, and for how long. */
export interface Order {
  readonly which: 0 | 1;
  readonly batch: number;
  readonly ms: number;
}

/** How many requests were answered, and how long it took until the last of them was. */
export interface Turn {
  readonly answered: number;
  readonly ms: number;
}

const CONNECTIONS = 8;
/** Requests that are out on a connection. */
const OUT = 40;

const connect = async (port: string) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
};
const servers = await Promise.all(
  process.argv.slice(2).map((port) => Promise.all(Array.from({ length: CONNECTIONS }, () => connect(port)))),
);

let lastId = 0;
const request = () => `{"jsonrpc":"2.0","id":${++lastId},"method":"add","params":{"a":${lastId},"b":1}}`;

type Answer = { readonly id: number; readonly result?: number };

function check({ id, result }: Answer): void {
  if (result !== id + 1) throw new Error(`wrong answer to ${id}: ${result}`);
}

/** Keeps requests out on one connection until the time is up and all are answered. How many there were. */
function use(socket: WebSocket, batch: number, end: number): Promise<number> {
  return new Promise((resolve) => {
    let answered = 0;
    let out = 0;
    const send = () => {
      out += batch;
      socket.send(batch === 1 ? request() : `[${Array.from({ length: batch }, request).join(',')}]`);
    };
    const receive = (data: unknown) => {
      const answer = JSON.parse(String(data)) as Answer | Answer[];
      const all = Array.isArray(answer) ? answer : [answer];
      for (const one of all) check(one);
      answered += all.length;
      out -= all.length;
      if (performance.now() < end) send();
      else if (out === 0) {
        socket.off('message', receive);
        resolve(answered);
      }
    };
    socket.on('message', receive);
    for (let i = 0; i < OUT; i += batch) send();
  });
}

process.on('message', async ({ which, batch, ms }: Order) => {
  const start = performance.now();
  const sockets = servers[which] as WebSocket[];
  const counts = await Promise.all(sockets.map((socket) => use(socket, batch, start + ms)));
  const answered = counts.reduce((sum, count) => sum + count, 0);
  process.send?.({ answered, ms: performance.now() - start } satisfies Turn);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
