/** What every adapter has to show, by a real gRPC server. */

import { EventEmitter, once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { type GrpcOptions, guardGrpc } from '../../../src/adapters/grpc.js';
import { behave, type Seen } from '../behaviours.js';
import { endOf, serveGrpc } from './rig.js';

const codes = {
  ok: status.OK,
  rate_limited: status.RESOURCE_EXHAUSTED,
  circuit_open: status.RESOURCE_EXHAUSTED,
  table_full: status.UNAVAILABLE,
  unavailable: status.UNAVAILABLE,
  internal: status.INTERNAL,
} as const;

type Watched = NodeJS.WritableStream & { emit(event: 'error', error: Error): boolean };

behave({
  name: '@grpc/grpc-js 1.14',
  entry: 'grpc',
  codes,
  without: { 'time-out': 'has the deadline of its client' },
  make: (guard, options) => guardGrpc(guard, options as GrpcOptions),
  async serve(guard, options) {
    const methods = new EventEmitter();
    let handled = 0;
    const { ask, client, parsed, stop } = await serveGrpc(guard, options as GrpcOptions, {
      handlers: {
        unary: ({ request }: { request: string }, done: (error: null, answer: string) => void) => {
          handled++;
          if (request === 'crash') throw new Error('crash');
          if (request === 'hang') methods.emit('hang');
          else done(null, request);
        },
        watch: (call: Watched) => {
          call.write('first');
          methods.once('finish', (fails) => {
            if (fails) call.emit('error', new Error('the stream failed'));
            else call.end();
          });
        },
      },
    });
    const seenOf = (answer: Awaited<ReturnType<typeof ask>>): Seen => {
      if (typeof answer === 'string') return { code: status.OK };
      const [pushback] = answer.metadata.get('grpc-retry-pushback-ms');
      const waitMs = Number(pushback);
      return { code: answer.code, ...(pushback !== undefined && { retryAfterMs: waitMs < 0 ? null : waitMs }) };
    };
    return {
      call: async (method, as) => seenOf(await ask(method, {}, as)),
      async cancel(as) {
        const reached = once(methods, 'hang');
        await new Promise((resolve) => {
          const call = client(as).unary('hang', {}, resolve);
          reached.then(() => call.cancel());
        });
      },
      async stream(as) {
        const stream = client(as).watch('all');
        stream.on('error', () => {});
        await once(stream, 'data');
        const finish = async (fails: boolean) => {
          const end = endOf(stream);
          methods.emit('finish', fails);
          await end;
        };
        return { end: () => finish(false), fail: () => finish(true) };
      },
      handled: () => handled,
      parsed,
      stop: async () => stop(),
    };
  },
}).run();
