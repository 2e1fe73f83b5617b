// MetaMask's JSON-RPC engine behind an HTTP server, with the limiter as its first middleware.
//
//     node --import tsx examples/json-rpc-engine.ts [port]

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { JsonRpcServer, type MiddlewareContext, type MiddlewareParams } from '@metamask/json-rpc-engine/v2';
import { rpcErrors } from '@metamask/rpc-errors';
import { presets, RateLimiter, RpcGuard } from 'peergate';
import { addressPeer } from 'peergate/address';
import { clientErrorsIgnored, guardEngine } from 'peergate/json-rpc-engine';

const guard = new RpcGuard(new RateLimiter({ ...presets.strict }), { timeoutMs: 5_000 });
const limit = guardEngine(guard, {
  peer: (context: MiddlewareContext) => addressPeer(context.get('address') as string),
  classify: clientErrorsIgnored,
});

function answer({ request }: MiddlewareParams) {
  if (request.method !== 'eth_chainId') throw rpcErrors.methodNotFound();
  return '0x1';
}

const engine = new JsonRpcServer({ middleware: [limit, answer] });
const server = createServer(async (request, response) => {
  const { remoteAddress: address } = request.socket;
  const said = await engine.handle((await json(request).catch(() => null)) as never, { context: { address } });
  response.setHeader('content-type', 'application/json').end(JSON.stringify(said));
}).listen(Number(process.argv[2] ?? 0), '127.0.0.1');
process.once('SIGTERM', () => server.close());
await once(server, 'listening');
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
