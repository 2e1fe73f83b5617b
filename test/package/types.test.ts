// The installed package in projects of TypeScript, with the compiler's default strictness and the package's own types
// checked as well.

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, install, link, node, put, repository } from './installed.js';

const { project } = install();
add(project, 'json-rpc-2.0');
add(project, '@types/node');
add(project, 'undici-types');
// Frameworks with dependencies of their own, which are found where the framework really is.
for (const name of ['@grpc', '@connectrpc', '@libp2p', '@trpc', '@metamask', 'socket.io']) link(project, name);

const PROGRAM = `
import { type Decision, type ErrorCode, errorCodes, isAllowed, type Peer, presets, RateLimiter, type RateLimiterConfig, reasonOf, retryAfterMs } from 'peergate';
import { eip1474, type RpcCall, RpcGuard, RpcRejection } from 'peergate';

const config: RateLimiterConfig = { ...presets.strict, maxPeers: 10_000 };
const limiter = new RateLimiter(config);
const decision: Decision = limiter.check('peer-a');
const said: 'allowed' | 'rate_limited' | 'circuit_open' | 'table_full' = reasonOf(decision);
const wait: number = isAllowed(decision) ? 0 : retryAfterMs(decision);
const counted: boolean = limiter.recordSuccess(new Uint8Array([1, 2]), decision);
const peer: Peer = limiter.peer('peer-b');
peer.release();
const guard = new RpcGuard(limiter, { timeoutMs: 30_000, errorCodes: eip1474 });
const result: Promise<number> = guard.run(peer, ({ signal }: RpcCall) => (signal.aborted ? 0 : 1), { cost: 1 });
result.catch((error: unknown) => error instanceof RpcRejection && error.data.retryAfterMs);
for (const { id, circuitState } of limiter.peers()) console.log(id, circuitState, said, wait, counted);

const settled: boolean = guard.settle(peer, decision, 'ignored', 12.5);
const may: boolean = settled || limiter.allows('peer-a', 2) && peer.allows();
const decisions = new Int32Array(1);
limiter.checkMany([peer], decisions);
const [first = -1] = decisions;
if (isAllowed(first)) peer.recordSuccess(first);
else console.log(may, reasonOf(first), retryAfterMs(first), guard.toRpcError(first));
for (const { id, failures } of limiter.top(3, 'failures')) console.log(id, failures);
const code: ErrorCode = 'ERR_PEERGATE_RPC_TIMEOUT';
console.log(errorCodes.includes(code));

// @ts-expect-error a status code is not a permit
peer.recordSuccess(200);
// @ts-expect-error nor is a boolean
limiter.recordFailure('peer-a', true);
// @ts-expect-error nor a number that nobody asked isAllowed about
limiter.recordIgnored('peer-a', decisions[0]);
// @ts-expect-error a request is not admitted by a number either
guard.run(peer, () => 1, { decision: 0 });
// @ts-expect-error a boolean is not a decision
isAllowed(limiter.allows('peer-a'));
// @ts-expect-error there is no such ranking
limiter.top(3, 'requests');
// @ts-expect-error a limit is a number
new RateLimiter({ maxPeers: 'many' });
// @ts-expect-error there is no such field
new RateLimiter({ maxPeer: 1 });
// @ts-expect-error an ID is a string or bytes
limiter.check(7);
// @ts-expect-error the configuration in force cannot be written to
limiter.config.burstSize = 1;
`;

const DISPOSAL = `
import { RateLimiter } from 'peergate';
using peer = new RateLimiter().peer('peer-a');
peer.check();
`;

const ADAPTER = `
import { JSONRPCServer } from 'json-rpc-2.0';
import { RateLimiter, RpcGuard } from 'peergate';
import { guardJsonRpc } from 'peergate/json-rpc';
import { guardTrpc, type TrpcMiddleware } from 'peergate/trpc';
const guard = new RpcGuard(new RateLimiter());
const gate = guardJsonRpc(new JSONRPCServer(), guard);
gate.close();
const trpc: TrpcMiddleware<{ user: string }> = guardTrpc(guard, { peer: (ctx) => ctx.user });
trpc({ ctx: { user: 'a' }, type: 'query', next: async () => 5 });
`;

const SERVERS = `
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type End, RateLimiter, RpcGate, RpcGuard } from 'peergate';
import { guardHttp, guardKoa } from 'peergate/http';

const guard = new RpcGuard(new RateLimiter());
const limit = guardHttp(guard, { peer: ({ headers }) => headers['x-api-key']?.toString(), headers: false });
createServer((request, response) => limit(request, response, () => response.end()));
createHttp2Server((request, response) => limit(request, response, () => response.end()));
guardKoa(guard, { peer: (ctx) => ctx.get('x-api-key'), classify: ({ how }: End) => (how === 'done' ? 'success' : 'failure') });
const entry = new RpcGate<string>(guard, {}, { name: 'lines', peer: (line) => line }).enter('a line');
if (entry?.allowed === false) console.log(entry.reason, entry.retryAfterMs, entry.toRpcError().data.reason);
else console.log(entry?.settle({ how: 'done' }));
// @ts-expect-error there is no such option
guardHttp(guard, { onRejects: () => {} });
// @ts-expect-error nor is there such a status
guardHttp(guard, { circuitOpenStatus: 500 });
`;

const FETCH = `
import { RateLimiter, RpcGuard } from 'peergate';
import { guardFetch } from 'peergate/fetch';
const guarded = guardFetch(new RpcGuard(new RateLimiter()))((request: Request, env: { a: string }) => new Response(env.a + request.url));
const answer: Promise<Response> = guarded(new Request('http://test'), { a: '1' });
answer.catch(() => {});
`;

const FRAMEWORKS = `
import { createServer } from 'node:http';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Server as GrpcServer } from '@grpc/grpc-js';
import type { StreamHandler } from '@libp2p/interface';
import { JsonRpcEngine } from '@metamask/json-rpc-engine';
import { JsonRpcEngineV2, type MiddlewareContext } from '@metamask/json-rpc-engine/v2';
import { initTRPC } from '@trpc/server';
import { type End, RateLimiter, RpcGuard } from 'peergate';
import { guardConnect } from 'peergate/connect';
import { guardGrpc } from 'peergate/grpc';
import { clientErrorsIgnored, guardEngine, type LegacyRequest } from 'peergate/json-rpc-engine';
import { guardStream, guardTopic } from 'peergate/libp2p';
import { guardNamespace } from 'peergate/socket.io';
import { guardTrpc, rejectionOf } from 'peergate/trpc';
import { Server } from 'socket.io';

const guard = new RpcGuard(new RateLimiter());
const classify = ({ how }: End) => (how === 'done' ? 'success' : 'failure');

new GrpcServer({ interceptors: [guardGrpc(guard, { peer: (call) => call.method.path + call.getHost(), classify })] });

const { handler, contextValues, interceptor } = guardConnect(guard, { peer: ({ headers }) => String(headers['x-peer']) });
createServer(handler(connectNodeAdapter({ routes: (router) => router, contextValues, interceptors: [interceptor] })));

const echo: StreamHandler = guardStream(guard, (stream) => stream.close(), { peer: ({ connection }) => String(connection.remotePeer) });
new Map([['news', guardTopic(guard, undefined, { cost: ({ message }) => message.data.length })]]);

interface Context { readonly user: string }
const t = initTRPC.context<Context>().create({
  errorFormatter: ({ shape, error }) => ({ ...shape, data: { ...shape.data, ...rejectionOf(error) } }),
});
const procedure = t.procedure.use(guardTrpc(guard, { peer: (ctx: Context) => ctx.user }));
t.router({ hello: procedure.query(({ ctx }) => ctx.user.length) });

type Origin = MiddlewareContext<{ origin: string }>;
const limit = guardEngine(guard, { peer: (context: Origin) => context.get('origin'), classify: clientErrorsIgnored });
JsonRpcEngineV2.create({ middleware: [limit, () => 5] });
new JsonRpcEngine().push(guardEngine(guard, { peer: (request: LegacyRequest & { origin: string }) => request.origin }));

const io = new Server();
guardNamespace(guard, io, { peer: (socket) => socket.data.user, maxStrikes: 1_000 });
guardNamespace(guard, io.of('/other'));
console.log(echo);

// @ts-expect-error who is calling is for you to say
guardTrpc(guard, {});
// @ts-expect-error here as well
guardEngine(guard, {});
// @ts-expect-error there is no such option
guardGrpc(guard, { onRejects: () => {} });
// @ts-expect-error nor here
guardNamespace(guard, io, { maxStrike: 1 });
`;

const CLUSTER = `
import { type Decision, RateLimiter } from 'peergate';
import { ClusterSync, type ClusterTransport, fromIovalkey, fromNodeRedis } from 'peergate/cluster';
const answer = async (): Promise<unknown> => [0];
const transports: ClusterTransport[] = [
  fromIovalkey({ options: { enableOfflineQueue: false, autoResendUnfulfilledCommands: false }, evalsha: answer, eval: answer }),
  fromNodeRedis({ options: { disableOfflineQueue: true }, evalSha: answer, eval: answer }),
];
const [transport] = transports as [ClusterTransport];
const sync = new ClusterSync(new RateLimiter(), { transport, nodes: 3, credit: 1, outage: 'local' });
const decision: Promise<Decision> = sync.checkStrict('peer', 2);
const failures: number = sync.stats().failures;
console.log(decision, failures, sync.state === 'up');
// @ts-expect-error debts are nobody's business outside
new RateLimiter().debts;
`;

const CORE = `
import core from 'peergate/core.wasm';
import { RateLimiter } from 'peergate';
new RateLimiter({ module: core });
`;

const COMMONJS = `
import { RateLimiter } from 'peergate';
import peergate = require('peergate');
new peergate.RateLimiter() instanceof RateLimiter;
`;

const WRONG = `
import { nothing } from 'peergate';
nothing();
`;

const COMMON = { noEmit: true, strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, target: 'es2022' };

/** What the compiler says of these files under these options, line by line. */
function compile(options: object, files: Record<string, string>): string[] {
  for (const [file, text] of Object.entries(files)) put(project, file, text);
  const compilerOptions = { ...COMMON, ...options };
  put(project, 'tsconfig.json', JSON.stringify({ compilerOptions, files: Object.keys(files) }));
  const { output } = node(project, join(repository, 'node_modules/typescript/bin/tsc'), '-p', '.', '--pretty', 'false');
  return output.split('\n').filter((line) => line !== '');
}

const environments = {
  'Node, without the DOM': { module: 'nodenext', lib: ['es2022'], types: ['node'] },
  'a page and a bundler, without Node': {
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2022', 'dom'],
    types: [],
  },
} as const;

for (const [environment, options] of Object.entries(environments)) {
  const test = suite(`types for ${environment}`);
  const files = {
    'program.ts': PROGRAM,
    'disposal.ts': DISPOSAL,
    'adapter.ts': ADAPTER,
    'fetch.ts': FETCH,
    'cluster.ts': CLUSTER,
    'core.ts': CORE,
    'wrong.ts': WRONG,
  };
  const commonjs = options.module === 'nodenext' ? { 'required.cts': COMMONJS, 'servers.ts': SERVERS } : {};
  const said = compile(options, { ...files, ...commonjs });
  const about = (file: string) => said.filter((line) => line.startsWith(file));

  test('limiter, handles and guard, and what they refuse', () => {
    assert.equal(about('program.ts'), []);
  });

  test('a handle can be disposed of with `using`', () => {
    assert.equal(about('disposal.ts'), []);
  });

  test('the adapter takes a server of its framework', () => {
    assert.equal(about('adapter.ts'), []);
  });

  test('a limit across machines takes clients by their structure', () => {
    assert.equal(about('cluster.ts'), []);
  });

  test('the core as a file is a module', () => {
    assert.equal(about('core.ts'), []);
  });

  test('a Fetch handler keeps its types', () => {
    assert.equal(about('fetch.ts'), []);
  });

  if (options.module === 'nodenext') {
    test('the servers of Node, without the types of any framework, and the gate for adapters of your own', () => {
      assert.equal(about('servers.ts'), []);
    });

    test('CommonJS that requires it', () => {
      assert.equal(about('required.cts'), []);
    });
  }

  test('the declarations themselves are sound, and what is wrong is reported', () => {
    assert.match(about('wrong.ts').join(), 'TS2305');
    assert.is(said.length, 1, said.join('\n'));
  });

  test.run();
}

// What these frameworks declare needs the DOM, and does not all hold by itself.
const test = suite('types beside frameworks');
const options = {
  module: 'nodenext',
  lib: ['es2023', 'esnext.disposable', 'dom'],
  types: ['node'],
  skipLibCheck: true,
};
const said = compile(options, { 'frameworks.ts': FRAMEWORKS });

test('gRPC, Connect, libp2p, tRPC, MetaMask’s engine and socket.io take the adapters for their own', () => {
  assert.equal(said, []);
});

test.run();
