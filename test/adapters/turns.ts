/** A server that notes who called it, for tests of how connections take turns. */

import { FakeSocket } from './fake-socket.js';
import { type Rig, type RigOptions, request, withRig } from './rig.js';

/** The most that is begun in one turn of the event loop. */
export const A_TURN = 16;

/** A server whose method `note` notes who called it with what, and takes `stepMs` of the limiter's clock. */
export function withNotes(
  options: RigOptions & { stepMs?: number },
  act: (rig: Rig & { notes: string[]; open(peer: string): FakeSocket }) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const notes: string[] = [];
    let step = () => {};
    await withRig(
      {
        ...options,
        limiter: { burstSize: 1e6, circuitBreakerThreshold: 1_000, ...options.limiter },
        prepare: (server) =>
          server.addMethod('note', ([what], { peer }) => {
            step();
            notes.push(`${peer.id}${what}`);
            return what;
          }),
      },
      async (rig) => {
        step = () => {
          rig.at.ms += options.stepMs ?? 0;
        };
        const open = (peer: string) => {
          const socket = new FakeSocket();
          rig.gate.accept(socket, peer);
          return socket;
        };
        await act({ ...rig, notes, open });
      },
    )();
  };
}

export const note = (what: number) => JSON.stringify(request(what, 'note', [what]));

export function deliver(socket: FakeSocket, count: number, from = 0): void {
  for (let i = from; i < from + count; i++) socket.deliver(note(i));
}

export const upTo = (count: number, peer = '') => Array.from({ length: count }, (_, i) => `${peer}${i}`);

export const batchOf = (count: number) => Array.from({ length: count }, (_, i) => request(i, 'note', [i]));
