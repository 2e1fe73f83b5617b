// Clients in their own process: `flood-clients.ts honest|flooder PORT SECONDS`.
//
// There are eight honest peers. Each sends 20 requests a second, whether or not answers come. The flooder has one connection
// and sends as fast as its socket takes it. It represents another machine, so it runs at a lower priority.

import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { WebSocket } from 'ws';
import { Histogram } from '../histogram.js';

const [role, port, seconds] = process.argv.slice(2);
const HONEST = 8;
const EVERY_MS = 50;
const PATIENCE_MS = 2000;
const FRAMES_A_TURN = 500;
const MOST_BUFFERED_BYTES = 2 ** 18;

const runMs = Number(seconds) * 1000;
const connect = async (peer: string) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/${peer}`, { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
};
const frame = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"work","params":{}}`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function honest(): Promise<void> {
  const latencies = new Histogram();
  let asked = 0;
  let answered = 0;
  await Promise.all(
    Array.from({ length: HONEST }, async (_, i) => {
      const socket = await connect(`honest-${i}`);
      const sentAt = new Map<number, number>();
      socket.on('message', (data) => {
        const { id, error } = JSON.parse(String(data)) as { id: number; error?: unknown };
        const at = sentAt.get(id);
        if (at === undefined || error !== undefined) return;
        sentAt.delete(id);
        answered++;
        latencies.record((performance.now() - at) * 1e6);
      });
      await pause((EVERY_MS * i) / HONEST);
      const end = performance.now() + runMs;
      for (let next = performance.now(); next < end; next += EVERY_MS) {
        await pause(Math.max(0, next - performance.now()));
        sentAt.set(asked, performance.now());
        socket.send(frame(asked++));
      }
      const patience = performance.now() + PATIENCE_MS;
      while (sentAt.size > 0 && performance.now() < patience) await pause(10);
      socket.terminate();
    }),
  );
  const percentile = (share: number) => latencies.percentile(share) / 1e6;
  console.log(JSON.stringify({ asked, answered, p50: percentile(0.5), p99: percentile(0.99) }));
}

async function flooder(): Promise<void> {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const socket = await connect('flooder');
  let sent = 0;
  let heard = 0;
  socket.on('message', () => heard++);
  const end = performance.now() + runMs;
  const isOver = () => performance.now() >= end || socket.readyState !== WebSocket.OPEN;
  while (!isOver()) {
    for (let i = 0; i < FRAMES_A_TURN; i++) socket.send(frame(sent++));
    do await new Promise((resolve) => setTimeout(resolve, socket.bufferedAmount > MOST_BUFFERED_BYTES ? 1 : 0));
    while (!isOver() && socket.bufferedAmount > MOST_BUFFERED_BYTES);
  }
  console.log(JSON.stringify({ sent, heard }));
  socket.terminate();
}

await (role === 'honest' ? honest() : flooder());
process.exit();
