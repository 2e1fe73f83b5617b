// "What does the guard cost a JSON-RPC server?"

import type { Question } from '../question.js';
import { pair } from '../server/pair.js';

export const SINGLE = 'requests';
export const BATCH = 'batches of 20, a member';
export const CPU = 'CPU, guarded ÷ bare';
export const RATE = 'a second, guarded ÷ bare';

export const server: Question = {
  name: 'server',
  title: 'A JSON-RPC server with and without the guard',
  about:
    'json-rpc-2.0 over ws on loopback, a method that adds two numbers, both servers in one process; the clients in another ' +
    'one use them in turns: 8 connections, 40 requests out on each. CPU is that of the process of the servers, a request.',
  cases: [
    { row: SINGLE, column: '', measure: () => pair(1) },
    { row: BATCH, column: '', measure: () => pair(20) },
  ],
  shown: { as: 'list' },
};
