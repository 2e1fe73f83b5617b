// A gRPC server with and without the guard, both in this process.

import { Server, ServerCredentials, type ServerInterceptor, type ServiceDefinition } from '@grpc/grpc-js';
import type * as Adapter from '../../src/adapters/grpc.js';
import type { Figures } from '../measure.js';
import { Limiter, RpcGuard } from '../peergate.js';
import { inTurns } from './pair.js';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value));
const decode = (bytes: Buffer) => JSON.parse(String(bytes));

/** One method, which adds two numbers. */
export const addition: ServiceDefinition = {
  add: {
    path: '/bench.Service/Add',
    requestStream: false,
    responseStream: false,
    requestSerialize: encode,
    requestDeserialize: decode,
    responseSerialize: encode,
    responseDeserialize: decode,
  },
};

type Add = (call: { request: readonly [number, number] }, done: (error: null, sum: readonly number[]) => void) => void;
const add: Add = ({ request: [a, b] }, done) => done(null, [a + b]);

async function serve(interceptors: ServerInterceptor[]): Promise<number> {
  const server = new Server({ interceptors });
  server.addService(addition, { add } as never);
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
}

/** The peer is the address of the connection, which is the default. */
export async function grpcPair(): Promise<Figures> {
  const file = new URL('../../dist/grpc.js', import.meta.url).href;
  const { guardGrpc } = (await import(file)) as typeof Adapter;
  const guard = new RpcGuard(new Limiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 }));
  return inTurns([await serve([]), await serve([guardGrpc(guard)])], 'grpc-clients');
}
