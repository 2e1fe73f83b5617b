// Clients of two gRPC servers, in a process of their own: `grpc-clients.ts PORT PORT`. They use one of them at a time, as they
// are told to. Each of a few connections has a number of calls out.

import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { addition } from './grpc.js';
import type { Order, Turn } from './pair-clients.js';

const CONNECTIONS = 4;
/** Calls that are out on a connection. */
const OUT = 8;

type AddClient = { add(sum: readonly number[], done: (error: Error | null, answer: readonly number[]) => void): void };

const Client = makeGenericClientConstructor(addition, 'bench');
const servers = process.argv.slice(2).map((port) =>
  Array.from({ length: CONNECTIONS }, () => {
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options) as unknown as AddClient;
  }),
);

const ask = (client: AddClient) =>
  new Promise<void>((resolve, reject) => {
    client.add([20, 22], (error, answer) => {
      if (answer?.[0] === 42) resolve();
      else reject(error ?? new Error(`wrong answer: ${answer}`));
    });
  });

process.on('message', async ({ which, ms }: Order) => {
  const start = performance.now();
  let answered = 0;
  const lane = async (client: AddClient) => {
    for (; performance.now() - start < ms; answered++) await ask(client);
  };
  const clients = servers[which] as AddClient[];
  await Promise.all(clients.flatMap((client) => Array.from({ length: OUT }, () => lane(client))));
  process.send?.({ answered, ms: performance.now() - start } satisfies Turn);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
