/** What every adapter has to show, by a real Connect server in each of its protocols. */

import { EventEmitter, once } from 'node:events';
import { Code } from '@connectrpc/connect';
import { type ConnectOptions, guardConnect } from '../../../src/adapters/connect.js';
import { behave, type Seen } from '../behaviours.js';
import { type Protocol, protocols, serveConnect, waitOf } from './rig.js';

const codes = {
  ok: 'ok',
  rate_limited: Code.ResourceExhausted,
  circuit_open: Code.ResourceExhausted,
  table_full: Code.Unavailable,
  unavailable: Code.Unavailable,
  internal: Code.Internal,
} as const;

for (const protocol of Object.keys(protocols) as Protocol[]) {
  behave({
    name: `Connect 2 (${protocol})`,
    entry: 'connect',
    codes,
    make: (guard, options) => guardConnect(guard, options as ConnectOptions),
    async serve(guard, options) {
      const methods = new EventEmitter();
      let handled = 0;
      const served = await serveConnect(
        guard,
        options as ConnectOptions,
        {
          async unary(request, { signal }) {
            handled++;
            if (request.value === 'crash') throw new Error('crash');
            if (request.value !== 'hang') return request;
            methods.emit('hang');
            await once(signal, 'abort');
            throw signal.reason;
          },
          async *watch() {
            yield { value: 'first' };
            const [fails] = await once(methods, 'finish');
            if (fails) throw new Error('the stream failed');
          },
        },
        protocol,
      );
      return {
        async call(method, as): Promise<Seen> {
          const answer = await served.ask(method, as);
          if (typeof answer === 'string') return { code: 'ok' };
          const isDecided = answer.code === Code.ResourceExhausted;
          return { code: answer.code, ...(isDecided && { retryAfterMs: waitOf(answer) }) };
        },
        async cancel(as) {
          const controller = new AbortController();
          const reached = once(methods, 'hang');
          const call = served.ask('hang', as, { signal: controller.signal });
          await reached;
          controller.abort();
          await call;
        },
        async stream(as) {
          const messages = served.client.watch({ value: 'all' }, served.as(as))[Symbol.asyncIterator]();
          await messages.next();
          const finish = async (fails: boolean) => {
            const end = messages.next().catch(() => {});
            methods.emit('finish', fails);
            await end;
          };
          return { end: () => finish(false), fail: () => finish(true) };
        },
        handled: () => handled,
        stop: served.stop,
      };
    },
  }).run();
}
