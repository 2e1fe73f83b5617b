// A Connect server with and without the guard, both in this process. Its clients speak Connect over HTTP/1.1, in JSON.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { create, createFileRegistry, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, file_google_protobuf_wrappers } from '@bufbuild/protobuf/wkt';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type * as Adapter from '../../src/adapters/connect.js';
import type { Figures } from '../measure.js';
import { Limiter, RpcGuard } from '../peergate.js';
import { inTurns } from './pair.js';

const { proto } = file_google_protobuf_wrappers;
const service = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'bench.proto',
    package: 'bench',
    syntax: 'proto3',
    dependency: [proto.name],
    service: [
      {
        name: 'Service',
        method: [
          {
            name: 'Echo',
            inputType: '.google.protobuf.StringValue',
            outputType: '.google.protobuf.StringValue',
          },
        ],
      },
    ],
  }),
  () => file_google_protobuf_wrappers,
).getService('bench.Service') as DescService;

async function serve(guard?: InstanceType<typeof RpcGuard>): Promise<number> {
  const file = new URL('../../dist/connect.js', import.meta.url).href;
  const { guardConnect } = (await import(file)) as typeof Adapter;
  const limit = guard === undefined ? undefined : guardConnect(guard);
  const adapter = connectNodeAdapter({
    routes: (router) => router.service(service, { echo: (message: unknown) => message } as never),
    ...(limit !== undefined && { contextValues: limit.contextValues, interceptors: [limit.interceptor] }),
  });
  const server = createServer(limit === undefined ? adapter : limit.handler(adapter));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** The peer is the address of the connection, which is the default. */
export async function connectPair(): Promise<Figures> {
  const guard = new RpcGuard(new Limiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 }));
  return inTurns([await serve(), await serve(guard)], 'connect-clients');
}
