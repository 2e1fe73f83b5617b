/** What peergate/connect makes of calls that wait behind another one of their connection. */

import { createServer } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardConnect } from '../../../src/adapters/connect.js';
import { until } from '../../rpc/support.js';
import { guarded, listened, raw } from '../http/servers.js';

const test = suite('peergate/connect: pipelining');

test('calls that wait behind another one of their connection are settled when the connection ends', async () => {
  const ends: string[] = [];
  let held = 0;
  const { handler } = guardConnect(guarded().guard, {
    classify: ({ how }) => {
      ends.push(how);
      return 'ignored';
    },
  });
  const server = createServer(
    handler(() => {
      held++;
    }),
  );
  await listened(server, async (port) => {
    const { socket } = raw(port, 'POST /a/B HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'.repeat(3));
    await until(() => held === 3, 'three calls');
    socket.destroy();
    await until(() => ends.length >= 3, 'their ends');
    assert.equal(ends, ['cancelled', 'cancelled', 'cancelled']);
  });
});

test.run();
