// Clients in their own process: `clients.ts PORT SECONDS`. Each connection always has the same number of open requests. Each
// answer is checked, and latencies are measured from request to answer.

import { once } from 'node:events';
import { WebSocket } from 'ws';
import { Histogram } from '../histogram.js';

const [port, seconds] = process.argv.slice(2);
const CONNECTIONS = 8;
const OUT = 32;
const WARM_MS = 500;

const sockets = Array.from({ length: CONNECTIONS }, () => new WebSocket(`ws://127.0.0.1:${port}`));
await Promise.all(sockets.map((socket) => once(socket, 'open')));

const latencies = new Histogram();
const start = performance.now() + WARM_MS;
const end = start + Number(seconds) * 1000;
let answered = 0;
let out = 0;

await Promise.all(
  sockets.map(
    (socket) =>
      new Promise<void>((resolve, reject) => {
        const sent = new Map<number, number>();
        let id = 0;
        const send = () => {
          id++;
          out++;
          sent.set(id, performance.now());
          socket.send(`{"jsonrpc":"2.0","id":${id},"method":"add","params":{"a":${id},"b":1}}`);
        };
        socket.on('message', (data) => {
          const answer = JSON.parse(String(data)) as { id: number; result?: number };
          if (answer.result !== answer.id + 1) return reject(new Error(`wrong answer: ${String(data)}`));
          const now = performance.now();
          if (now >= start && now < end) {
            answered++;
            latencies.record((now - (sent.get(answer.id) ?? now)) * 1e6);
          }
          sent.delete(answer.id);
          out--;
          if (now < end) send();
          else if (sent.size === 0) resolve();
        });
        for (let i = 0; i < OUT; i++) send();
      }),
  ),
);
if (out !== 0) throw new Error(`${out} requests were not answered`);
const percentile = (share: number) => latencies.percentile(share) / 1e6;
console.log(JSON.stringify({ answered, seconds: Number(seconds), p50: percentile(0.5), p99: percentile(0.99) }));
for (const socket of sockets) socket.terminate();
