// "What does the guard cost a server that I have already?"

import type { Question } from '../question.js';
import { enginePair } from '../server/engine.js';
import { socketPair } from '../server/socket.js';
import { trpcPair } from '../server/trpc.js';

export const TRPC = 'tRPC, a query over HTTP';
export const ENGINE = 'JsonRpcEngineV2 over WebSockets';
export const SOCKET = 'socket.io, an event with an acknowledgement';
export const CPU = 'CPU, guarded ÷ bare';

export const adapters: Question = {
  name: 'adapters-web',
  title: 'tRPC, MetaMask’s engine and socket.io with and without the guard',
  about:
    'Both servers in one process; clients in another one use them in turns over loopback. CPU is that of the process of the ' +
    'servers, a request.',
  cases: [
    { row: TRPC, column: '', measure: trpcPair },
    { row: ENGINE, column: '', measure: enginePair },
    { row: SOCKET, column: '', measure: socketPair },
  ],
  shown: { as: 'list' },
};
