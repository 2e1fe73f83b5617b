// "What does one limit across machines cost, beside asking Redis for each request?"

import { price } from '../cluster/price.js';
import { commands, decisions } from '../cluster/run.js';
import type { Question } from '../question.js';

export const PLAIN = 'plain build';
export const SHARED = 'shared build';

export const cluster: Question = {
  name: 'cluster',
  title: 'One limit across machines: decisions',
  about:
    'redis-server on loopback, 1 000 peers, all in one process in turns of 100 ms. A GCRA in Lua and the Redis limiter of ' +
    'rate-limiter-flexible ask the server for each request; peergate decides locally and pays afterwards. That is where it loses: ' +
    'all nodes together can give a peer up to nodes × credit tokens too much, and hear of each other only when debts are paid.',
  cases: [1, 50].map((callers) => ({
    row: `${callers} ${callers === 1 ? 'caller' : 'callers'}, each asks again when it has its answer`,
    column: '',
    library: true,
    measure: () => decisions(callers),
  })),
  shown: { as: 'list' },
};

export const clusterLoad: Question = {
  name: 'cluster-load',
  title: 'One limit across machines: what a node sends to the server',
  about:
    'One node with the default limits, credit for 3 nodes and interval; each active peer asks ten times a second. Commands are those ' +
    'that the server counted. One command a request would be as many commands as requests.',
  cases: [1, 10, 100, 1_000, 10_000].map((peers) => ({
    row: `${peers} active ${peers === 1 ? 'peer' : 'peers'}`,
    column: '',
    measure: () => commands(peers),
  })),
  shown: { as: 'list' },
};

export const clusterPrice: Question = {
  name: 'cluster-price',
  title: 'One limit across machines: what it adds to a check',
  about: '1 000 peers at random by handle, with the time given; the same table with a credit and without in 300 turns.',
  cases: [
    { row: PLAIN, column: '', measure: () => price(false) },
    { row: SHARED, column: '', measure: () => price(true) },
  ],
  shown: { as: 'list' },
};
