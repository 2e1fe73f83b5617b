// "What does one limit across machines cost, beside asking Redis for each request?"

import { price } from '../cluster/price.js';
import { commands, decisions } from '../cluster/run.js';
import type { Question } from '../question.js';

export const cluster: Question = {
  name: 'cluster',
  title: 'One limit across machines: decisions',
  about:
    'redis-server on loopback, 1 000 peers, all in one process in turns of 100 ms. peergate decides locally and pays afterwards; ' +
    'a GCRA in Lua and the Redis limiter of rate-limiter-flexible ask the server for each request. Callers ask one after the other.',
  cases: [1, 50].map((callers) => ({
    row: `${callers} ${callers === 1 ? 'caller' : 'callers'}`,
    column: '',
    library: true,
    measure: () => decisions(callers),
  })),
  shown: { as: 'list' },
};

export const clusterLoad: Question = {
  name: 'cluster-load',
  title: 'One limit across machines: what is sent to the engine',
  about: 'One node, default interval of 200 ms; each active peer asks ten times a second.',
  cases: [10, 100, 1_000, 10_000].map((peers) => ({
    row: `${peers} active peers`,
    column: '',
    measure: () => commands(peers),
  })),
  shown: { as: 'list' },
};

export const clusterPrice: Question = {
  name: 'cluster-price',
  title: 'One limit across machines: a check',
  about:
    'By handle, time given, 1 000 peers, ns. What is counted as owed is never half of the credit here, so nothing is paid.',
  cases: [{ row: 'a check', column: '', measure: price }],
  shown: { as: 'list' },
};
