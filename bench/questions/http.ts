// "What does the guard cost an HTTP server?"

import type { Question } from '../question.js';
import type { Framework } from '../server/http.js';

export const NODE = 'node:http';
export const NODE_PLAIN = 'node:http, headers: false';
export const EXPRESS = 'Express 5';

const FRAMEWORKS: readonly Framework[] = [
  NODE,
  NODE_PLAIN,
  EXPRESS,
  'Koa 3',
  'Fastify 5',
  'Hono 4',
  'Hono 4, beside a middleware',
];

export const httpServer: Question = {
  name: 'http',
  title: 'An HTTP server with and without the guard',
  about:
    'GET / on loopback, answered with five letters, which is the dearest case there is for a guard; both servers in one ' +
    'process. The clients in another one use them in turns: 32 connections that stay open, one request out on each. CPU is ' +
    'that of the process of the servers, a request.',
  cases: FRAMEWORKS.map((row) => ({
    row,
    column: '',
    // The frameworks are loaded by nobody else.
    measure: async () => (await import('../server/http.js')).http(row),
  })),
  shown: { as: 'list' },
};
