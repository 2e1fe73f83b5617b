// A gRPC server with the guard before it: the second call of a peer is one too many.

import { credentials, Metadata, makeGenericClientConstructor, Server, ServerCredentials } from '@grpc/grpc-js';
import { RateLimiter, RpcGuard } from 'peergate';
import { guardGrpc } from 'peergate/grpc';

const methods = {
  echo: {
    path: '/test.Service/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: Buffer.from,
    requestDeserialize: String,
    responseSerialize: Buffer.from,
    responseDeserialize: String,
  },
};

export async function check(expect) {
  const limiter = new RateLimiter({ maxRequestsPerSec: 0.01, burstSize: 1, maxPeers: 100 });
  const server = new Server({ interceptors: [guardGrpc(new RpcGuard(limiter))] });
  server.addService(methods, { echo: ({ request }, done) => done(null, request) });
  const port = await new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const client = new (makeGenericClientConstructor(methods, 'test'))(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    const ask = () => new Promise((resolve) => client.echo('hello', (error, answer) => resolve(error ?? answer)));
    expect('the first answer', await ask(), 'hello');
    const { code, metadata = new Metadata() } = await ask();
    expect('the code of the second answer', code, 8);
    const waitMs = Number(metadata.get('grpc-retry-pushback-ms')[0]);
    expect('when to come again', waitMs > 0 && waitMs <= 100_000, true);
    expect('the peer', [...limiter.peers()].map(({ id }) => id).join(), '127.0.0.1');
  } finally {
    client.close();
    server.forceShutdown();
  }
}
