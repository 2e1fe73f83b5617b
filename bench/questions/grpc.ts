// "What does the guard cost a gRPC server?"

import type { Question } from '../question.js';
import { grpcPair } from '../server/grpc.js';

export const GRPC = 'gRPC, unary calls';

export const grpc: Question = {
  name: 'grpc',
  title: 'A gRPC server with and without the guard',
  about:
    'grpc-js on loopback, a method that adds two numbers, both servers in one process; the clients in another one use them ' +
    'in turns: 4 connections, 8 calls out on each. The peer is the address of the connection. CPU is that of the process of ' +
    'the servers, a call.',
  cases: [{ row: GRPC, column: '', measure: grpcPair }],
  shown: { as: 'list' },
};
