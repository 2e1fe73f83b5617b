// "What does the guard cost a gRPC or a Connect server?"

import type { Question } from '../question.js';
import { connectPair } from '../server/connect.js';
import { grpcPair } from '../server/grpc.js';

export const GRPC = 'gRPC, unary calls';
export const CONNECT = 'Connect, unary calls';

export const grpc: Question = {
  name: 'grpc',
  title: 'A gRPC and a Connect server with and without the guard',
  about:
    'grpc-js on loopback, a method that adds two numbers, both servers in one process; the clients in another one use them ' +
    'in turns: 4 connections, 8 calls out on each. Connect answers JSON over HTTP/1.1, on 16 connections. The peer is the address of the connection. CPU is that of the process of ' +
    'the servers, a call.',
  cases: [
    { row: GRPC, column: '', measure: grpcPair },
    { row: CONNECT, column: '', measure: connectPair },
  ],
  shown: { as: 'list' },
};
