// Two servers in this process, one of them guarded, and clients in another process that use them in turns. A turn is short, so
// whatever else the machine does falls on both alike, and the ratio of neighbouring turns says what the guard costs.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { JSONRPCServer } from 'json-rpc-2.0';
import { WebSocketServer } from 'ws';
import type * as Adapter from '../../src/adapters/json-rpc.js';
import { median } from '../harness.js';
import { type Figures, QUICK } from '../measure.js';
import { Limiter, RpcGuard } from '../peergate.js';
import type { Order, Turn } from './pair-clients.js';

const TURN_MS = QUICK ? 50 : 250;
const WARM_TURNS = QUICK ? 1 : 8;
const TURNS = QUICK ? 2 : 24;

const add = ({ a, b }: { a: number; b: number }) => a + b;

async function listening(): Promise<WebSocketServer> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(sockets, 'listening');
  return sockets;
}

async function bare(): Promise<number> {
  const sockets = await listening();
  const server = new JSONRPCServer();
  server.addMethod('add', add);
  sockets.on('connection', (socket) => {
    socket.on('message', async (data) => {
      const answer = await server.receiveJSON(String(data));
      if (answer) socket.send(JSON.stringify(answer));
    });
  });
  return (sockets.address() as AddressInfo).port;
}

async function guarded(): Promise<number> {
  const sockets = await listening();
  const file = new URL('../../dist/json-rpc.js', import.meta.url).href;
  const { guardJsonRpc } = (await import(file)) as typeof Adapter;
  const limiter = new Limiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 });
  const server = new JSONRPCServer<Adapter.JsonRpcCall>();
  server.addMethod('add', add);
  const gate = guardJsonRpc(server, new RpcGuard(limiter));
  let connections = 0;
  sockets.on('connection', (socket) => gate.accept(socket, `peer ${connections++}`));
  return (sockets.address() as AddressInfo).port;
}

/** What one turn cost this process for each request, and how many were answered in a second. */
interface Cost {
  readonly cpuUs: number;
  readonly perSec: number;
}

/** @param batch Requests in a frame; 1 for requests by themselves. */
export async function pair(batch: number): Promise<Figures> {
  return inTurns([await bare(), await guarded()], 'pair-clients', batch);
}

/**
 * What two servers of this process cost, by turns.
 *
 * @param clients The file of the clients' process, which gets the ports, takes an `Order` and answers with a `Turn`.
 */
export async function inTurns(
  ports: readonly [bare: number, guarded: number],
  file: string,
  batch = 1,
): Promise<Figures> {
  const clients = fork(fileURLToPath(new URL(`./${file}.ts`, import.meta.url)), ports.map(String), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(clients, 'message');

  const turn = async (which: 0 | 1): Promise<Cost> => {
    const before = process.cpuUsage();
    clients.send({ which, batch, ms: TURN_MS } satisfies Order);
    const [{ answered, ms }] = (await once(clients, 'message')) as [Turn];
    const { user, system } = process.cpuUsage(before);
    return { cpuUs: (user + system) / answered, perSec: (1000 * answered) / ms };
  };

  const pairs: [bare: Cost, guarded: Cost][] = [];
  for (let i = -WARM_TURNS; i < TURNS; i++) {
    // Who comes first changes, so that neither always follows the other.
    const first = (i & 1) as 0 | 1;
    const one = await turn(first);
    const other = await turn((1 - first) as 0 | 1);
    if (i >= 0) pairs.push(first === 0 ? [one, other] : [other, one]);
  }
  clients.disconnect();
  await once(clients, 'exit');

  const middle = (figure: (pair: [Cost, Cost]) => number) => median(pairs.map(figure));
  return {
    'bare, CPU µs': middle(([one]) => one.cpuUs),
    'guarded, CPU µs': middle(([, other]) => other.cpuUs),
    'CPU, guarded ÷ bare': middle(([one, other]) => other.cpuUs / one.cpuUs),
    'bare, a second': middle(([one]) => one.perSec),
    'guarded, a second': middle(([, other]) => other.perSec),
    'a second, guarded ÷ bare': middle(([one, other]) => other.perSec / one.perSec),
  };
}
