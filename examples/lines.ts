// A guarded server of a protocol of one's own, a line in, a line out, over TCP: node --import tsx examples/lines.ts [port]

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { presets, RateLimiter, RpcGuard, reasonOf, retryAfterMs } from 'peergate';
import { frameText, guardFlow, type MessageSocket } from 'peergate/flow';

const MAX_LINE = 1_000;

/** The transport: a TCP stream as a socket of messages. A line that does not end is bounded here. */
function linesOf(stream: Socket): MessageSocket {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) stream.emit('message', line);
    if (rest.length > 2 * MAX_LINE) stream.destroy();
  });
  return {
    get readyState() {
      return stream.destroyed ? 3 : stream.writableEnded ? 2 : 1;
    },
    get bufferedAmount() {
      return stream.writableLength;
    },
    on: stream.on.bind(stream),
    send: (message) => stream.write(`${message}\n`),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    close: () => stream.end(),
    terminate: () => stream.destroy(),
  };
}

/** What the server does. An error is a failure of the peer that asked. */
async function answerTo(line: string, signal: AbortSignal): Promise<string> {
  const [command, argument = ''] = line.split(' ', 2);
  if (command === 'upper') return argument.toUpperCase();
  if (command === 'wait') return sleep(Number(argument), 'waited', { signal });
  throw new Error(`no command ${command}`);
}

const gate = guardFlow(
  new RpcGuard(new RateLimiter(presets.strict), { timeoutMs: 5_000 }),
  (link) => ({
    begin: (frame, permit) => link.serve(permit, ({ signal }) => answerTo(frameText(frame), signal), String),
    reject: (verdict) => (verdict === undefined ? 'closed' : `${reasonOf(verdict)} ${retryAfterMs(verdict)}`),
    dropped: (count) => `dropped ${count}`,
    tooLarge: () => 'Error: line too long',
  }),
  { maxFrameBytes: MAX_LINE },
);
const server = createServer((stream) => void gate.accept(linesOf(stream), stream.remoteAddress ?? 'unknown'));
const port = Number(process.argv[2] ?? 0);
server.listen(port, '127.0.0.1', () => console.log(`127.0.0.1:${(server.address() as AddressInfo).port}`));
process.once('SIGTERM', () => {
  gate.close();
  server.close();
});
