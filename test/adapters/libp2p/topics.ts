/** Gossip topics: one node publishes, the guarded one judges, and a third one gets what the second passes on. */

import { gossipsub, TopicValidatorResult } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardTopic } from '../../../src/adapters/libp2p.js';
import { type Decision, RateLimiter, RpcGuard } from '../../../src/index.js';
import { until } from '../../rpc/support.js';
import { thrownBy } from '../../support.js';
import { bytesOf, nodeOf } from './rig.js';

const test = suite('topics of gossipsub');

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const peerOf = (name: string) => ({ toString: () => name }) as never;
const messageOf = (data: string) => ({ type: 'unsigned', topic: 'news', data: bytesOf(data) }) as const;

function rig(timeoutMs = Number.POSITIVE_INFINITY) {
  const limiter = new RateLimiter({
    ...{ maxRequestsPerSec: 10, burstSize: 3, circuitBreakerThreshold: 2, clock: () => 0 },
  });
  const guard = new RpcGuard(limiter, { timeoutMs });
  const failures = (peer: string) => [...limiter.peers()].find(({ id }) => id === peer)?.failures ?? 0;
  return { limiter, guard, failures };
}

test('messages over the limit are ignored, never rejected, and neither delivered nor passed on', async () => {
  const told: Decision[] = [];
  const { limiter, guard, failures } = rig();
  const gossip = () =>
    nodeOf({
      identify: identify(),
      pubsub: gossipsub({ allowPublishToZeroTopicPeers: true, emitSelf: false, scoreThresholds: {} }),
    });
  const [writer, middle, reader] = await Promise.all([gossip(), gossip(), gossip()]);
  const { pubsub } = middle.services;
  const heard = { middle: [] as string[], reader: [] as string[] };
  pubsub.topicValidators.set('news', guardTopic(guard, undefined, { onReject: (decision) => told.push(decision) }));
  pubsub.addEventListener('message', ({ detail }) => heard.middle.push(text(detail.data)));
  reader.services.pubsub.addEventListener('message', ({ detail }) => heard.reader.push(text(detail.data)));
  try {
    for (const node of [writer, middle, reader]) node.services.pubsub.subscribe('news');
    await writer.dial(middle.getMultiaddrs());
    await reader.dial(middle.getMultiaddrs());
    await until(
      () => pubsub.getSubscribers('news').length === 2 && writer.services.pubsub.getSubscribers('news').length === 1,
      'the subscriptions',
    );
    // A message is passed on to the mesh alone, and the next heartbeat makes it.
    const { getMeshPeers } = pubsub as unknown as { getMeshPeers(topic: string): string[] };
    await until(() => getMeshPeers.call(pubsub, 'news').includes(reader.peerId.toString()), 'the mesh');
    for (let i = 0; i < 8; i++) await writer.services.pubsub.publish('news', bytesOf(`news ${i}`));
    await until(() => limiter.rejectionsBy('libp2p').dropped === 5, 'all messages');
    await until(() => heard.reader.length === 3, 'what was passed on');
    const all = ['news 0', 'news 1', 'news 2'];
    assert.equal(heard, { middle: all, reader: all });
    assert.is(told.length, 1, 'told once in a tenth of a second');
    assert.is(failures(writer.peerId.toString()), 0);
    const { score } = pubsub as unknown as { score: { score(id: string): number } };
    assert.ok(score.score(writer.peerId.toString()) >= 0, 'the writer keeps its score');
    assert.is(limiter.peerCount, 1);
  } finally {
    await Promise.all([writer, middle, reader].map((node) => node.stop()));
  }
});

test('a message that the validator rejects is a failure of who passed it on; one that it ignores is none', async () => {
  const { guard, limiter, failures } = rig();
  const validate = guardTopic(guard, (_peer, { data }) => text(data) as TopicValidatorResult);
  assert.is(await validate(peerOf('a'), messageOf('accept')), TopicValidatorResult.Accept);
  assert.is(await validate(peerOf('a'), messageOf('ignore')), TopicValidatorResult.Ignore);
  assert.is(failures('a'), 0);
  for (let i = 1; i <= 2; i++) {
    assert.is(await validate(peerOf('b'), messageOf('reject')), TopicValidatorResult.Reject);
    assert.is(failures('b'), i);
  }
  assert.is(limiter.getCircuitState('b'), 'open');
  assert.is(await validate(peerOf('b'), messageOf('accept')), TopicValidatorResult.Ignore);
  assert.equal({ ...limiter.rejectionsBy('libp2p') }, { answered: 0, dropped: 1, closed: 0 });
});

test('a validator that throws, or takes longer than timeoutMs, is a failure', async () => {
  const { guard, failures } = rig(20);
  const crash = guardTopic(guard, async () => {
    throw new Error('crash');
  });
  try {
    await crash(peerOf('a'), messageOf('x'));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'crash');
  }
  assert.is(failures('a'), 1);
  guardTopic(guard, () => new Promise(() => {}))(peerOf('b'), messageOf('x'));
  await until(() => failures('b') === 1, 'the time-out');
});

test('a bad peer function lets no message through', async () => {
  const { guard, limiter } = rig();
  const { error } = console;
  console.error = () => {};
  try {
    const validate = guardTopic(guard, undefined, { peer: () => 7 as never });
    assert.is(await validate(peerOf('a'), messageOf('x')), TopicValidatorResult.Ignore);
  } finally {
    console.error = error;
  }
  assert.is(limiter.peerCount, 0);
});

test('messages without a peer are not limited, and are still validated', async () => {
  const { guard } = rig();
  const free = { peer: () => undefined };
  assert.is(await guardTopic(guard, undefined, free)(peerOf('a'), messageOf('x')), TopicValidatorResult.Accept);
  const reject = guardTopic(guard, () => TopicValidatorResult.Reject, free);
  assert.is(await reject(peerOf('a'), messageOf('x')), TopicValidatorResult.Reject);
});

test('an unknown option, and what is no validator, are refused by name', () => {
  const { guard } = rig();
  assert.is(thrownBy(() => guardTopic(guard, 5 as never)).field, 'validator');
  assert.is(thrownBy(() => guardTopic(guard, undefined, { onRejects: 1 } as never)).field, 'onRejects');
  assert.is(thrownBy(() => guardTopic({} as never)).field, 'guard');
});

test.run();
