// A JSON-RPC server over WebSockets with the limiter before it.
//
//     node --import tsx examples/ws-json-rpc.ts [port]

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { JSONRPCServer } from 'json-rpc-2.0';
import { presets, RateLimiter, RpcGuard } from 'peergate';
import { guardJsonRpc, type JsonRpcCall } from 'peergate/json-rpc';
import { WebSocketServer } from 'ws';

const MAX_FRAME_BYTES = 32_768;

const server = new JSONRPCServer<JsonRpcCall>();
server.addMethod('sum', (numbers: number[]) => numbers.reduce((a, b) => a + b, 0));
server.addMethod('tokens', (_, { peer }: JsonRpcCall) => peer.availableTokens);

const guard = new RpcGuard(new RateLimiter({ ...presets.strict }), { timeoutMs: 5_000 });
const gate = guardJsonRpc(server, guard, { maxFrameBytes: MAX_FRAME_BYTES, maxStrikes: 1_000 });

// The socket's own limit is above the gate's: it closes without an answer.
const sockets = new WebSocketServer({
  ...{
    host: '127.0.0.1',
    port: Number(process.argv[2] ?? 0),
    maxPayload: 2 * MAX_FRAME_BYTES,
    perMessageDeflate: false,
  },
});
sockets.on('connection', (socket, request) => {
  gate.accept(socket, request.socket.remoteAddress ?? 'unknown');
});

process.once('SIGTERM', () => {
  gate.close();
  sockets.close();
});
await once(sockets, 'listening');
console.log(`ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`);
