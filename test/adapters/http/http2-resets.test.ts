/** Streams of HTTP/2 that a client resets: Node's responses tell little about their end. */

import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardHttp } from '../../../src/adapters/http.js';
import { RateLimiter, RpcGuard } from '../../../src/index.js';
import { until } from '../../rpc/support.js';

const test = suite('peergate/http: streams that are reset');

test('a stream that its client resets is cancelled, whether its answer had begun or not', async () => {
  const ends: unknown[] = [];
  const reached: string[] = [];
  const limit = guardHttp(new RpcGuard(new RateLimiter({ clock: () => 0 })), {
    classify: (end) => {
      ends.push(end);
      return 'success';
    },
  });
  const server = createServer((request, response) =>
    limit(request, response as never, () => {
      if (request.url === '/begun') response.write('first');
      if (request.url === '/done') response.end('all');
      reached.push(request.url);
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  for (const path of ['/hangs', '/begun', '/done']) {
    const count = reached.length;
    const stream = session.request({ ':path': path }).on('error', () => {});
    stream.resume();
    await until(() => reached.length > count, path);
    if (path !== '/done') stream.close(8);
    await until(() => ends.length > count, `the end of ${path}`);
  }
  assert.equal(ends, [{ how: 'cancelled' }, { how: 'cancelled' }, { how: 'done', status: 200 }]);
  session.destroy();
  server.close();
});

test.run();
