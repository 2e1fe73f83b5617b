// A gRPC server whose clients are limited by their address, and a client that goes over the limit.
//
//     node --import tsx examples/grpc.ts

import { promisify } from 'node:util';
import { credentials, makeGenericClientConstructor, Server, ServerCredentials, type ServiceError } from '@grpc/grpc-js';
import { RateLimiter, RpcGuard } from 'peergate';
import { guardGrpc } from 'peergate/grpc';

const text = { serialize: (value: string) => Buffer.from(value), deserialize: (bytes: Buffer) => String(bytes) };
const service = {
  greet: {
    ...{ path: '/example.Greeter/Greet', requestStream: false, responseStream: false },
    ...{ requestSerialize: text.serialize, requestDeserialize: text.deserialize },
    ...{ responseSerialize: text.serialize, responseDeserialize: text.deserialize },
  },
};

const guard = new RpcGuard(new RateLimiter({ maxRequestsPerSec: 1, burstSize: 3 }));
const server = new Server({ interceptors: [guardGrpc(guard)] });
server.addService(service, {
  greet: (call: { request: string }, done: (error: null, answer: string) => void) =>
    done(null, `Hello ${call.request}`),
});

const port = await promisify(server.bindAsync.bind(server))('127.0.0.1:0', ServerCredentials.createInsecure());
const client = new (makeGenericClientConstructor(service, 'Greeter'))(
  `127.0.0.1:${port}`,
  credentials.createInsecure(),
);
const greet = promisify(client['greet'] as (name: string, done: (error: Error | null, answer: string) => void) => void);
for (let i = 0; i < 4; i++) {
  const told = ({ details, metadata }: ServiceError) =>
    `${details}, again in ${metadata.get('grpc-retry-pushback-ms')} ms`;
  console.log(await greet.call(client, 'you').catch(told));
}
client.close();
server.forceShutdown();
