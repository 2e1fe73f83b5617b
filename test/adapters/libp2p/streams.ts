/** Streams of libp2p: what is their own beside what all adapters promise. */

import { once } from 'node:events';
import type { StreamHandler } from '@libp2p/interface';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardStream, type StreamOptions } from '../../../src/adapters/libp2p.js';
import { type End, isAllowed, RateLimiter, RpcGuard } from '../../../src/index.js';
import { deferred, until } from '../../rpc/support.js';
import { drain, openCircuit, thrownBy } from '../../support.js';
import { bytesOf, nextText, serveStreams } from './rig.js';

const test = suite('streams of libp2p');

interface World extends Awaited<ReturnType<typeof serveStreams>> {
  readonly limiter: RateLimiter;
  readonly guard: RpcGuard;
  readonly at: { ms: number };
  readonly ends: End[];
  failures(): number;
}

async function during(handler: StreamHandler, act: (world: World) => Promise<void>, options: StreamOptions = {}) {
  const at = { ms: 0 };
  const limits = { maxRequestsPerSec: 10, burstSize: 5, circuitBreakerThreshold: 2, circuitBreakerTimeoutMs: 1_000 };
  const limiter = new RateLimiter({ ...limits, clock: () => at.ms });
  const guard = new RpcGuard(limiter);
  const ends: End[] = [];
  const judge: StreamOptions = {
    classify: (end) => {
      ends.push(end);
      return end.how === 'cancelled' ? 'ignored' : end.how === 'done' ? 'success' : 'failure';
    },
  };
  const served = await serveStreams((nameOf) =>
    guardStream(guard, handler, { peer: ({ connection }) => nameOf(connection.remotePeer), ...judge, ...options }),
  );
  const failures = () => [...limiter.peers()].find(({ id }) => id === 'peer')?.failures ?? 0;
  try {
    await act({ ...served, limiter, guard, at, ends, failures });
  } finally {
    await served.stop();
  }
}

test('by default the peer is the remote peer of the connection', () =>
  during(
    (stream) => stream.close(),
    async ({ open, client, limiter }) => {
      await (await open('peer')).close();
      await until(() => limiter.peerCount === 1, 'the stream');
      assert.is([...limiter.peers()][0]?.id, (await client('peer')).peerId.toString());
    },
    { peer: undefined },
  ));

test('over the limit a stream is reset, which is counted as closed, and its handler is not called', () =>
  during(
    () => assert.unreachable(),
    async ({ open, limiter, ends }) => {
      drain(limiter, 'peer', 0);
      const closed = deferred();
      try {
        const stream = await open('peer');
        stream.addEventListener('close', () => closed.resolve());
        if (stream.status !== 'open') closed.resolve();
        await closed.promise;
        assert.is(stream.status, 'reset');
      } catch {
        // The reset may come while the protocol is still being agreed on.
      }
      await until(() => limiter.rejectionsBy('libp2p').closed === 1, 'the count');
      assert.equal(ends, []);
    },
  ));

test('a handler that returns at once is judged when its stream is closed', () => {
  const streams: Parameters<StreamHandler>[0][] = [];
  return during(
    (stream) => {
      streams.push(stream);
    },
    async ({ open, ends }) => {
      const stream = await open('peer');
      stream.send(bytesOf('hello'));
      await until(() => streams.length === 1, 'the handler');
      assert.equal(ends, []);
      await Promise.all([streams[0]?.close(), stream.close()]);
      await until(() => ends.length === 1, 'the end');
      assert.is(ends[0]?.how, 'done');
    },
  );
});

test('a stream that its handler aborts is a failure, one whose connection breaks is cancelled', () => {
  const abort = deferred();
  const reached = { count: 0 };
  return during(
    async (stream) => {
      reached.count++;
      const text = await nextText(stream);
      if (text === 'abort') stream.abort(new Error('aborted by the handler'));
      abort.resolve();
    },
    async ({ open, client, ends, failures }) => {
      const first = await open('peer');
      first.send(bytesOf('abort'));
      await until(() => ends.length === 1, 'the abort');
      assert.is(ends[0]?.how, 'error');
      const second = await open('peer');
      second.send(bytesOf('break'));
      await until(() => reached.count === 2, 'the handler');
      for (const connection of (await client('peer')).getConnections()) connection.abort(new Error('cable cut'));
      await until(() => ends.length === 2, 'the end of the connection');
      assert.is(ends[1]?.how, 'cancelled');
      assert.is(failures(), 1);
    },
  );
});

test('the first answer settles a probe, while the stream goes on', () => {
  const go = deferred();
  return during(
    async (stream) => {
      stream.send(bytesOf('first'));
      await go.promise;
      stream.send(bytesOf('second'));
      await stream.close();
    },
    async ({ open, limiter, at }) => {
      openCircuit(limiter, 'peer', 0);
      at.ms = 1_000;
      const stream = await open('peer');
      stream.send(bytesOf('hello'));
      await until(() => limiter.getCircuitState('peer') === 'closed', 'the success');
      assert.is(stream.status, 'open');
      go.resolve();
      await stream.close();
    },
  );
});

test('a probe whose client resets it goes back without a verdict', () => {
  const reached = deferred();
  return during(
    async (stream) => {
      reached.resolve();
      await once(stream as never, 'close');
    },
    async ({ open, limiter, guard, at }) => {
      openCircuit(limiter, 'peer', 0);
      at.ms = 1_000;
      const stream = await open('peer');
      stream.send(bytesOf('hello'));
      await reached.promise;
      stream.abort(new Error('not needed'));
      await until(() => {
        const decision = guard.admit('peer');
        return isAllowed(decision) && guard.settle('peer', decision, 'ignored');
      }, 'the probe to come back');
      assert.is(limiter.getCircuitState('peer'), 'half_open');
    },
  );
});

test('a stream that a second guard turns away is no outcome for the first', () => {
  const strict = new RateLimiter({ burstSize: 1, maxRequestsPerSec: 0.01, clock: () => 0 });
  drain(strict, 'anybody', 0);
  const second = guardStream(new RpcGuard(strict), () => assert.unreachable(), { peer: () => 'anybody' });
  return during(second, async ({ open, limiter, guard, at, ends }) => {
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    const asked = open('peer').then((stream) => stream.send(bytesOf('hello')));
    await asked.catch(() => {}); // The reset may come first.
    await until(() => strict.rejectionsBy('libp2p').closed === 1, 'the rejection');
    await until(() => {
      const decision = guard.admit('peer');
      return isAllowed(decision) && guard.settle('peer', decision, 'ignored');
    }, 'the probe to come back');
    assert.equal(ends, []);
  });
});

test('what is no handler is refused by name', () => {
  const guard = new RpcGuard(new RateLimiter());
  assert.is(thrownBy(() => guardStream(guard, 5 as never)).field, 'handler');
});

test.run();
