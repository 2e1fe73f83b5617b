/** A real Connect server with the guard before it, and real clients of it in each protocol, on loopback. Messages are strings. */

import { createServer as createHttp1, type Server } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, createFileRegistry, type DescMessage, type DescService } from '@bufbuild/protobuf';
import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  file_google_protobuf_duration,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt';
import { type CallOptions, ConnectError, createClient, type HandlerContext, type Transport } from '@connectrpc/connect';
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { type ConnectOptions, guardConnect } from '../../../src/adapters/connect.js';
import type { RpcGuard } from '../../../src/index.js';

const TEXT = '.google.protobuf.StringValue';
const files = [file_google_protobuf_wrappers, file_google_protobuf_duration];

function registryOf(file: object) {
  const dependency = files.map(({ proto }) => proto.name);
  return createFileRegistry(create(FileDescriptorProtoSchema, { syntax: 'proto3', dependency, ...file }), (name) =>
    files.find(({ proto }) => proto.name === name),
  );
}

const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
  ...{ name, clientStreaming, serverStreaming, inputType: TEXT, outputType: TEXT },
});

const service = registryOf({
  name: 'test.proto',
  package: 'test',
  service: [
    {
      name: 'Service',
      method: [
        method('Unary', false, false),
        method('Watch', false, true),
        method('Upload', true, false),
        method('Talk', true, true),
      ],
    },
  ],
}).getService('test.Service') as DescService;

/** Google's `RetryInfo`, to decode what clients get. */
export const RetryInfo = registryOf({
  name: 'retry.proto',
  package: 'google.rpc',
  messageType: [
    {
      name: 'RetryInfo',
      field: [
        {
          name: 'retry_delay',
          jsonName: 'retryDelay',
          number: 1,
          label: FieldDescriptorProto_Label.OPTIONAL,
          type: FieldDescriptorProto_Type.MESSAGE,
          typeName: '.google.protobuf.Duration',
        } as Partial<FieldDescriptorProto>,
      ],
    },
  ],
}).getMessage('google.rpc.RetryInfo') as DescMessage;

/** How long an error says to wait, in milliseconds. */
export function waitOf(error: ConnectError): number | null {
  const [info] = error.findDetails(RetryInfo) as { retryDelay?: { seconds: bigint; nanos: number } }[];
  if (info?.retryDelay === undefined) return null;
  return Number(info.retryDelay.seconds) * 1_000 + info.retryDelay.nanos / 1e6;
}

type Text = { readonly value: string };
type Texts = AsyncIterable<Text>;

export interface Methods {
  unary?(request: Text, context: HandlerContext): Promise<Text> | Text;
  watch?(request: Text, context: HandlerContext): Texts;
  upload?(requests: Texts, context: HandlerContext): Promise<Text>;
  talk?(requests: Texts, context: HandlerContext): Texts;
}

export interface TestClient {
  unary(request: Text, options?: CallOptions): Promise<Text>;
  watch(request: Text, options?: CallOptions): Texts;
  upload(requests: Texts, options?: CallOptions): Promise<Text>;
  talk(requests: Texts, options?: CallOptions): Texts;
}

/** The protocols, each over a version of HTTP that it is used with. */
export const protocols = {
  'Connect, JSON, HTTP/1.1': (baseUrl: string) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  'Connect, HTTP/2': (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: true }),
  gRPC: (baseUrl: string) => createGrpcTransport({ baseUrl }),
  'gRPC-web, HTTP/1.1': (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
} satisfies Record<string, (baseUrl: string) => Transport>;

export type Protocol = keyof typeof protocols;

/** Starts a server. Unless the options say otherwise, the peer is the one that the header `x-peer` names. */
export async function serveConnect(
  guard: RpcGuard,
  options: ConnectOptions = {},
  methods: Methods = {},
  protocol: Protocol = 'gRPC',
  routerOptions: object = {},
) {
  const limit = guardConnect(guard, { peer: (request) => String(request.headers['x-peer']), ...options });
  const adapter = connectNodeAdapter({
    routes: (router) => router.service(service, methods as never),
    contextValues: limit.contextValues,
    interceptors: [limit.interceptor],
    ...routerOptions,
  });
  const sessions = new Set<ServerHttp2Session>();
  const handler = limit.handler(adapter);
  const isHttp1 = protocol.endsWith('1.1');
  const server: Server | Http2Server = isHttp1 ? createHttp1(handler) : createHttp2(handler);
  server.on('session', (session: ServerHttp2Session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createClient(service, protocols[protocol](url)) as unknown as TestClient;
  const as = (peer: string) => ({ headers: { 'x-peer': peer } });
  return {
    url,
    client,
    as,
    /** Calls the unary method. An error is a value, so that it can be looked at. */
    ask: (value = 'hello', peer = 'peer', more: CallOptions = {}) =>
      client.unary({ value }, { ...as(peer), ...more }).then(
        (answer) => answer.value,
        (error: unknown) => ConnectError.from(error),
      ),
    async stop() {
      for (const session of sessions) session.destroy();
      if ('closeAllConnections' in server) server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function errorOf(answer: string | ConnectError): ConnectError {
  if (typeof answer === 'string') throw new Error(`expected an error, got ${answer}`);
  return answer;
}
