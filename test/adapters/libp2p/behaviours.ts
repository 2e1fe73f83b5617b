/** What every adapter has to show, by real libp2p nodes. */

import { EventEmitter, once } from 'node:events';
import { guardStream, type StreamOptions } from '../../../src/adapters/libp2p.js';
import { behave } from '../behaviours.js';
import { bytesOf, nextText, serveStreams } from './rig.js';

/** A reset says nothing but that. */
const codes = {
  ok: 'ok',
  rate_limited: 'reset',
  circuit_open: 'reset',
  table_full: 'reset',
  unavailable: 'reset',
  internal: 'reset',
} as const;

behave({
  name: 'libp2p 3',
  entry: 'libp2p',
  codes,
  // Rounds of 10 000 streams leave from 0 to 450 bytes a stream behind. A stream that is kept takes kilobytes.
  mostBytesACall: 1_000,
  make: (guard, options) => guardStream(guard, () => {}, options as StreamOptions),
  async serve(guard, options) {
    const methods = new EventEmitter();
    let handled = 0;
    const { open, stop } = await serveStreams((nameOf) =>
      guardStream(
        guard,
        async (stream) => {
          handled++;
          const method = await nextText(stream);
          if (method === 'crash') throw new Error('crash');
          if (method === 'hang') {
            methods.emit('hang');
            await new Promise(() => {});
          }
          stream.send(bytesOf('first'));
          if (method === 'stream') {
            const [fails] = await once(methods, 'finish');
            if (fails) throw new Error('the stream failed');
          }
          await stream.close();
        },
        { peer: ({ connection }) => nameOf(connection.remotePeer), ...options } as StreamOptions,
      ),
    );
    const ask = async (method: string, as: string) => {
      const stream = await open(as);
      stream.send(bytesOf(method));
      return stream;
    };
    return {
      async call(method, as) {
        try {
          const stream = await ask(method, as);
          if ((await nextText(stream)) !== 'first') return { code: 'reset' };
          await stream.close();
          return { code: 'ok' };
        } catch {
          return { code: 'reset' };
        }
      },
      async cancel(as) {
        const reached = once(methods, 'hang');
        const stream = await ask('hang', as);
        await reached;
        stream.abort(new Error('not needed any more'));
      },
      async stream(as) {
        const stream = await ask('stream', as);
        await nextText(stream);
        const finish = async (fails: boolean) => {
          methods.emit('finish', fails);
          if (!fails) await stream.close();
        };
        return { end: () => finish(false), fail: () => finish(true) };
      },
      handled: () => handled,
      stop,
    };
  },
}).run();
