// Clients of two tRPC servers over HTTP, in a process of their own: `trpc-clients.ts PORT PORT`. They use one of them at a time, as they
// are told to. Each of a number of connections has one request out.

import { Agent, get } from 'node:http';
import type { Order, Turn } from './pair-clients.js';

const CONNECTIONS = 16;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const ports = process.argv.slice(2).map(Number);
const path = `/add?input=${encodeURIComponent(JSON.stringify({ a: 20, b: 22 }))}`;

function ask(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        if (text.includes('42')) resolve();
        else reject(new Error(`wrong answer: ${text}`));
      });
    }).on('error', reject);
  });
}

process.on('message', async ({ which, ms }: Order) => {
  const start = performance.now();
  let answered = 0;
  const connection = async () => {
    for (; performance.now() - start < ms; answered++) await ask(ports[which] as number);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  process.send?.({ answered, ms: performance.now() - start } satisfies Turn);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
