/** Clients: which are taken, which are refused and why, and that each of them reaches an engine, alone or as a cluster. */

import * as ioredis from 'ioredis';
import * as iovalkey from 'iovalkey';
import { createClient } from 'redis';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ClusterSync,
  type ClusterTransport,
  fromIoredis,
  fromIovalkey,
  fromNodeRedis,
} from '../../src/cluster/index.js';
import { isAllowed, RateLimiter } from '../../src/index.js';
import { thrownBy } from '../support.js';
import { clientOf, Server, startCluster, testOfServer } from './servers.js';

const clients = suite('clients');
const test = testOfServer(clients);

const methods = { evalsha: () => Promise.resolve(), eval: () => Promise.resolve() };
const OFF = { enableOfflineQueue: false, autoResendUnfulfilledCommands: false };

for (const [name, from] of [
  ['fromIovalkey', fromIovalkey],
  ['fromIoredis', fromIoredis],
] as const) {
  clients(`${name} takes a client that neither queues offline nor sends again`, () => {
    from({ ...methods, options: OFF });
    from({
      ...methods,
      options: { enableOfflineQueue: false, redisOptions: { autoResendUnfulfilledCommands: false } },
    });
    from({ ...methods, options: { redisOptions: OFF } });
  });

  clients(`${name} refuses one that does, and names the option`, () => {
    for (const [options, field] of [
      [{ ...OFF, enableOfflineQueue: true }, 'client.enableOfflineQueue'],
      [{ ...OFF, autoResendUnfulfilledCommands: true }, 'client.autoResendUnfulfilledCommands'],
      [{ autoResendUnfulfilledCommands: false }, 'client.enableOfflineQueue'],
      [{ enableOfflineQueue: true, redisOptions: OFF }, 'client.enableOfflineQueue'],
      [{ ...OFF, redisOptions: { autoResendUnfulfilledCommands: true } }, 'client.autoResendUnfulfilledCommands'],
      [{}, 'client.enableOfflineQueue'],
      [undefined, 'client.enableOfflineQueue'],
    ] as const) {
      const error = thrownBy(() => from({ ...methods, options: options as object }));
      assert.is(error.code, 'ERR_PEERGATE_CONFIG');
      assert.is(error.field, field);
    }
  });

  clients(`${name} refuses what is no client`, () => {
    for (const client of [undefined, null, 'redis://', {}, { evalsha: methods.evalsha, options: OFF }]) {
      assert.is(thrownBy(() => from(client as never)).field, 'client');
    }
  });
}

clients('the clients themselves, with their defaults, are refused', () => {
  const options = { lazyConnect: true };
  for (const client of [new iovalkey.Redis(options), new iovalkey.Cluster([{ port: 1 }], options)]) {
    assert.is(thrownBy(() => fromIovalkey(client)).field, 'client.enableOfflineQueue');
  }
  for (const client of [new ioredis.Redis(options), new ioredis.Cluster([{ port: 1 }], options)]) {
    assert.is(thrownBy(() => fromIoredis(client)).field, 'client.enableOfflineQueue');
  }
  assert.is(thrownBy(() => fromNodeRedis(createClient())).field, 'client.disableOfflineQueue');
});

clients('fromNodeRedis takes a client whose disableOfflineQueue is true, and nothing else', () => {
  const own = { evalSha: methods.evalsha, eval: methods.eval };
  fromNodeRedis({ ...own, options: { disableOfflineQueue: true } });
  for (const options of [undefined, {}, { disableOfflineQueue: false }]) {
    assert.is(thrownBy(() => fromNodeRedis({ ...own, options })).field, 'client.disableOfflineQueue');
  }
  assert.is(thrownBy(() => fromNodeRedis(methods as never)).field, 'client');
});

/** Two nodes over a transport: the second learns what the first gave. */
async function share(transport: ClusterTransport, peers = ['peer']): Promise<void> {
  const nodes = [0, 1].map(() => {
    const limiter = new RateLimiter({ maxRequestsPerSec: 1, burstSize: 20, maxPeers: 100 });
    return { limiter, sync: new ClusterSync(limiter, { transport, nodes: 2, timeoutMs: 5_000 }) };
  });
  const [one, other] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  for (const peer of peers) for (let i = 0; i < 5; i++) one.limiter.check(peer);
  await one.sync.flush();
  for (const peer of peers) other.limiter.check(peer);
  await other.sync.flush();
  for (const peer of peers) {
    const tokens = other.limiter.getAvailableTokens(peer);
    assert.ok(tokens >= 14 && tokens <= 15, `${tokens} of 20 after 5 and 1`);
    assert.ok(isAllowed(await other.sync.checkStrict(peer, 10)));
    assert.not(isAllowed(await one.sync.checkStrict(peer, 10)));
  }
  for (const { sync } of nodes) {
    assert.is(sync.stats().failures, 0);
    await sync.close();
  }
}

test('iovalkey, ioredis and @redis/client carry the script, each as its first and as its second call', async () => {
  const server = await Server.start();
  const own = { ...OFF, lazyConnect: true };
  const valkey = new iovalkey.Redis(server.port, '127.0.0.1', own);
  const io = new ioredis.Redis(server.port, '127.0.0.1', own);
  const node = createClient({ url: `redis://127.0.0.1:${server.port}`, disableOfflineQueue: true });
  node.on('error', () => {});
  try {
    await Promise.all([valkey.connect(), io.connect(), node.connect()]);
    for (const transport of [fromIovalkey(valkey), fromIoredis(io), fromNodeRedis(node)]) {
      await valkey.script('FLUSH');
      await valkey.flushall();
      await share(transport);
    }
  } finally {
    valkey.disconnect();
    io.disconnect();
    node.destroy();
    await server.end();
  }
});

/** As many peers as make sure that every shard has some. */
const MANY = Array.from({ length: 150 }, (_, i) => `peer ${i}`).slice(0, 90);

test('a cluster of three servers: no key is in another slot than those it comes with', async () => {
  const servers = await startCluster();
  const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  const own = { enableOfflineQueue: false, redisOptions: { autoResendUnfulfilledCommands: false }, lazyConnect: true };
  const valkey = new iovalkey.Cluster(nodes, own);
  const io = new ioredis.Cluster(nodes, own);
  try {
    await valkey.connect();
    await io.connect();
    for (const transport of [fromIovalkey(valkey), fromIoredis(io)]) {
      await Promise.all(valkey.nodes('master').map((node) => node.flushall()));
      await share(transport, MANY);
    }
    const sizes = await Promise.all(valkey.nodes('master').map((node) => node.dbsize()));
    assert.ok(
      sizes.every((size) => size > 0),
      `keys on all of them: ${sizes}`,
    );
  } finally {
    valkey.disconnect();
    io.disconnect();
    await Promise.all(servers.map((server) => server.end()));
  }
});

test('a user who may only +eval +evalsha +get +set +time on the namespace’s keys is enough', async () => {
  const server = await Server.start();
  const admin = await clientOf(server.port);
  const rules = ['on', '>pass', '~{peergate:*', '-@all', '+eval', '+evalsha', '+get', '+set', '+time'];
  await admin.call('ACL', 'SETUSER', 'limiter', ...rules);
  const user = await clientOf(server.port, { username: 'limiter', password: 'pass', enableReadyCheck: false });
  try {
    await share(fromIovalkey(user));
    assert.is(await admin.dbsize(), 1);
    const log = (await admin.call('ACL', 'LOG')) as unknown[];
    // The client itself says who it is when it connects; that is not for the limit.
    assert.not.ok(
      log.some((entry) => /eval|get|set|time|key/i.test(String((entry as string[])[5]))),
      JSON.stringify(log),
    );
  } finally {
    admin.disconnect();
    user.disconnect();
    await server.end();
  }
});

clients.run();
