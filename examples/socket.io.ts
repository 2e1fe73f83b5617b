// A socket.io server whose events are limited by the address of their client.
//
//     node --import tsx examples/socket.io.ts [port]

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { presets, RateLimiter, RpcGuard } from 'peergate';
import { guardNamespace } from 'peergate/socket.io';
import { Server } from 'socket.io';

type Reply = (answer: { result?: unknown; error?: { code: string; message: string } }) => void;

const guard = new RpcGuard(new RateLimiter({ ...presets.strict }), { timeoutMs: 5_000 });
const http = createServer();
const io = new Server(http);

guardNamespace(guard, io.of('/'), { maxStrikes: 1_000 });

io.on('connection', (socket) => {
  socket.on('sum', (numbers: number[], reply: Reply) => {
    // socket.io catches nothing, so a handler has to. What it answers here is what the circuit breaker hears.
    try {
      reply({ result: numbers.reduce((a, b) => a + b, 0) });
    } catch (error) {
      reply({ error: { code: 'FAILED', message: String(error) } });
    }
  });
});

http.listen(Number(process.argv[2] ?? 0), '127.0.0.1');
process.once('SIGTERM', () => io.close());
await once(http, 'listening');
console.log(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
