// Clients of two Connect servers over HTTP/1.1, in a process of their own: `connect-clients.ts PORT PORT`. They use one of them at a
// time, as they are told to. Each of a number of connections has one call out.

import { Agent, request } from 'node:http';
import type { Order, Turn } from './pair-clients.js';

const CONNECTIONS = 16;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const ports = process.argv.slice(2).map(Number);
const BODY = '"hello"';
const headers = { 'content-type': 'application/json', 'connect-protocol-version': '1', 'content-length': BODY.length };

function ask(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path: '/bench.Service/Echo', method: 'POST', headers, agent });
    call.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        if (text === BODY) resolve();
        else reject(new Error(`wrong answer: ${text}`));
      });
    });
    call.on('error', reject);
    call.end(BODY);
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
