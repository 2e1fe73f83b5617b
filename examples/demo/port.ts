// One port for several threads. A thread cannot be handed a socket, but it can listen on a descriptor by its number. It
// closes that in the end, so each needs one of its own: a process that is started gets as many copies as it is told to.

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** What a forked process has before the copies: input, output, errors, and the channel to its parent. */
const STANDARD = 4;

/** The descriptor of a thread's copy, counted from 0. */
export const descriptorOf = (thread: number): number => STANDARD + thread;

/** A port on loopback. It is to be closed here once the process has its copies: whoever listens is given connections. */
export async function openPort(): Promise<{ readonly descriptor: number; close(): void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Node names a server's descriptor nowhere else.
  const { fd } = (server as Server & { readonly _handle: { readonly fd: number } })._handle;
  return { descriptor: fd, close: () => server.close() };
}
