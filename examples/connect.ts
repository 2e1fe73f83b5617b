// A Connect server whose clients are limited by their address, and calls that go over the limit.
//
//     node --import tsx examples/connect.ts

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { create, createFileRegistry, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, file_google_protobuf_wrappers as wrappers } from '@bufbuild/protobuf/wkt';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { RateLimiter, RpcGuard } from 'peergate';
import { guardConnect } from 'peergate/connect';

// In place of a service that protoc-gen-es generates.
const method = [
  { name: 'Greet', inputType: '.google.protobuf.StringValue', outputType: '.google.protobuf.StringValue' },
];
const file = { name: 'greeter.proto', syntax: 'proto3', package: 'example', dependency: [wrappers.proto.name] };
const proto = create(FileDescriptorProtoSchema, { ...file, service: [{ name: 'Greeter', method }] });
const Greeter = createFileRegistry(proto, () => wrappers).getService('example.Greeter') as DescService;

const guard = new RpcGuard(new RateLimiter({ maxRequestsPerSec: 1, burstSize: 3 }));
const { handler, contextValues, interceptor } = guardConnect(guard);
const greet = ({ value }: { value: string }) => ({ value: `Hello ${value}` });
const routes = connectNodeAdapter({
  routes: (router) => router.service(Greeter, { greet } as never),
  contextValues,
  interceptors: [interceptor],
});
const server = createServer(handler(routes));
server.listen(0, '127.0.0.1', async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/example.Greeter/Greet`;
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '"you"' };
  for (let i = 0; i < 4; i++) {
    const answer = await fetch(url, request);
    console.log(answer.status, await answer.text());
  }
  server.closeAllConnections();
  server.close();
});
