/** A real gRPC server with the guard before it, and real clients of it, on loopback. Messages are JSON. */

import {
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerInterceptor,
  type ServiceDefinition,
  type ServiceError,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { type GrpcOptions, guardGrpc } from '../../../src/adapters/grpc.js';
import type { RpcGuard } from '../../../src/index.js';

/** What the server cannot decode as a request, and not encode as an answer. */
export const GARBAGE = 'garbage';

interface Method {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

const shapes = {
  unary: { requestStream: false, responseStream: false },
  upload: { requestStream: true, responseStream: false },
  watch: { requestStream: false, responseStream: true },
  talk: { requestStream: true, responseStream: true },
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof shapes;

/** The client's methods. Messages are strings. */
export interface TestClient extends Client {
  unary(
    message: string,
    options: CallOptions,
    done: (error: ServiceError | null, answer: string) => void,
  ): { cancel(): void };
  upload(done: (error: ServiceError | null, answer: string) => void): ClientWritableStream<string>;
  watch(message: string, options?: CallOptions): ClientReadableStream<string>;
  talk(options?: CallOptions): ClientDuplexStream<string, string>;
}

export interface ServerSetup {
  readonly handlers?: Partial<Record<MethodName, UntypedHandleCall | ((...args: never[]) => void)>>;
  /** The interceptors in place of the guard alone. */
  readonly chain?: (guarded: ServerInterceptor) => ServerInterceptor[];
  readonly serverOptions?: object;
}

/** Starts a server. Unless the options say otherwise, the peer is the authority that the client asked for. */
export async function serveGrpc(guard: RpcGuard, options: GrpcOptions = {}, setup: ServerSetup = {}) {
  const { handlers = {}, chain = (guarded) => [guarded], serverOptions } = setup;
  let parsed = 0;
  const decode = (bytes: Buffer) => {
    parsed++;
    return JSON.parse(String(bytes));
  };
  const service = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      {
        path: `/test.Service/${name}`,
        ...shape,
        requestSerialize: (text: string) => Buffer.from(text === GARBAGE ? '{' : JSON.stringify(text)),
        requestDeserialize: decode,
        responseSerialize: (text: string) => {
          if (text === GARBAGE) throw new Error('cannot be encoded');
          return Buffer.from(JSON.stringify(text));
        },
        responseDeserialize: (bytes: Buffer) => JSON.parse(String(bytes)),
      },
    ]),
  ) as ServiceDefinition;
  const guarded = guardGrpc(guard, { peer: (call) => call.getHost(), ...options });
  const server = new Server({ interceptors: chain(guarded), ...serverOptions });
  const echo = ({ request }: { request: string }, done: (error: null, answer: string) => void) => done(null, request);
  server.addService(service, { unary: echo, ...handlers } as never);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const Generic = makeGenericClientConstructor(service, 'test');
  const clients = new Map<string, Client>();
  /** The client of this peer. */
  const client = (as = 'peer', clientOptions: ClientOptions = {}): TestClient => {
    let one = clients.get(as);
    if (one === undefined) {
      one = new Generic(`127.0.0.1:${port}`, credentials.createInsecure(), {
        'grpc.default_authority': as,
        'grpc.use_local_subchannel_pool': 1,
        ...clientOptions,
      });
      clients.set(as, one);
    }
    return one as TestClient;
  };
  return {
    server,
    port,
    client,
    /** Requests that were decoded. */
    parsed: () => parsed,
    /** Calls the unary method. An error is a value, so that it can be looked at. */
    ask: (message = 'hello', callOptions: CallOptions = {}, as = 'peer') =>
      new Promise<string | ServiceError>((resolve) => {
        client(as).unary(message, callOptions, (error, answer) => resolve(error ?? answer));
      }),
    stop() {
      for (const one of clients.values()) one.close();
      server.forceShutdown();
    },
  };
}

/** The error of a call that should have one. */
export function errorOf(answer: string | ServiceError): ServiceError {
  if (typeof answer === 'string') throw new Error(`expected an error, got ${answer}`);
  return answer;
}

/** How a stream ended: its error, or undefined. What it brings is read and thrown away. */
export function endOf(stream: ClientReadableStream<string> | ClientDuplexStream<string, string>) {
  return new Promise<ServiceError | undefined>((resolve) => {
    stream
      .on('error', (error: ServiceError) => resolve(error))
      .on('end', () => resolve(undefined))
      .resume();
  });
}
