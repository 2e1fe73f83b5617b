/** Passage: how a request ends that a gate let in. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type End, type Refusal, RpcGate } from '../../src/index.js';
import { engines } from '../engines.js';
import { openCircuit } from '../support.js';
import { complaints, done, failed, rigOf } from './gate-rig.js';
import { turn, until } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`a passage (${name})`);
  const rig = (...args: Parameters<typeof rigOf> extends [unknown, ...infer Rest] ? Rest : never) =>
    rigOf(using, ...args);

  test('errors and time-outs are failures, a cancelled request is ignored, and a status is judged by the adapter', () => {
    const ends: [End, number][] = [
      [done, 0],
      [{ how: 'done', status: 404 }, 0],
      [{ how: 'done', status: 500 }, 1],
      [failed, 1],
      [{ how: 'timeout' }, 1],
      [{ how: 'cancelled' }, 0],
      [{ how: 'cancelled', status: 500 }, 0],
    ];
    for (const [end, expected] of ends) {
      const { enter, failures } = rig({}, {}, { isFailure: (status) => Number(status) >= 500 });
      enter().settle(end);
      assert.is(failures(), expected, JSON.stringify(end));
    }
  });

  test('a cancelled probe goes back without a verdict', () => {
    const { enter, halfOpen, limiter, refuse } = rig();
    halfOpen();
    const probe = enter();
    assert.is(refuse().reason, 'circuit_open');
    assert.ok(probe.settle({ how: 'cancelled' }));
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    const again = enter();
    again.abandon();
    assert.ok(enter().settle(done));
    assert.is(limiter.getCircuitState('peer'), 'closed');
  });

  test('classify judges every end in place of the adapter; if it throws or returns no outcome, that is a failure', async () => {
    const seen: unknown[] = [];
    const { enter, failures } = rig({
      classify: (end, request) => {
        seen.push(end.how, request.from);
        return 'success';
      },
    });
    enter().settle(failed);
    enter().settle({ how: 'cancelled' });
    assert.is(failures(), 0);
    assert.equal(seen, ['error', 'peer', 'cancelled', 'peer']);
    for (const classify of [
      () => {
        throw new Error('judge');
      },
      () => 'fine' as 'success',
      () => Promise.reject(new Error('judge')) as never,
    ]) {
      const bad = rig({ classify });
      assert.ok(bad.enter().settle(done));
      assert.is(bad.failures(), 1);
      await turn();
    }
  });

  test('a request is settled once: what comes after its first end is ignored', () => {
    const { enter, failures } = rig();
    const passage = enter();
    assert.is(passage.isOver, false);
    assert.ok(passage.settle(failed));
    assert.is(passage.isOver, true);
    assert.is(passage.settle(failed), false);
    assert.is(passage.settle(done), false);
    passage.progress();
    passage.abandon();
    assert.is(failures(), 1);
  });

  test('the first message of a stream settles its probe; a later error is one failure more, without a permit', () => {
    const { at, enter, halfOpen, limiter, failures } = rig();
    halfOpen();
    const probe = enter();
    assert.is(probe.wantsProgress, true);
    probe.progress();
    assert.is(limiter.getCircuitState('peer'), 'closed');
    at.ms += 3_600_000; // its lease is long over
    assert.is(probe.isOver, false);
    const before = failures();
    assert.ok(probe.settle(failed));
    assert.is(failures(), (before ?? 0) + 1);
    assert.is(limiter.getCircuitState('peer'), 'closed');
  });

  test('a stream whose probe was settled, and that ends well or is cancelled, adds nothing', () => {
    for (const end of [done, { how: 'cancelled' } as const]) {
      const { enter, halfOpen, limiter, failures } = rig();
      halfOpen();
      const probe = enter();
      probe.progress();
      limiter.recordFailure('peer');
      const before = failures();
      assert.is(probe.settle(end), false);
      assert.is(failures(), before);
      limiter.recordFailure('peer');
      assert.is(limiter.getCircuitState('peer'), 'open', 'no success came between the two failures');
    }
  });

  test('the first message of a stream that is no probe changes nothing, so a stream that always fails later opens the circuit', () => {
    const { enter, limiter } = rig();
    for (let i = 0; i < 2; i++) {
      const passage = enter();
      assert.is(passage.wantsProgress, false);
      passage.progress();
      assert.ok(passage.settle(failed));
    }
    assert.is(limiter.getCircuitState('peer'), 'open');
  });

  test('a first message that is bad in itself is the verdict on a probe', () => {
    const { enter, halfOpen, limiter } = rig({}, {}, { isFailure: (status) => status === 500 });
    halfOpen();
    const probe = enter();
    probe.progress({ how: 'done', status: 500 });
    assert.is(limiter.getCircuitState('peer'), 'open');
    assert.is(probe.settle(failed), false);
  });

  test('a further message costs a token, and a stream that is out of tokens is over without an outcome', () => {
    const { enter, limiter, failures } = rig();
    const passage = enter();
    assert.is(passage.charge(), undefined);
    assert.is(passage.charge(3), undefined);
    assert.is(limiter.getAvailableTokens('peer'), 0);
    const refusal = passage.charge();
    assert.is(refusal?.reason, 'rate_limited');
    refusal?.closed();
    assert.is(limiter.rejectionsBy('test').closed, 1);
    assert.is(passage.isOver, true);
    assert.is(passage.settle(failed), false);
    assert.is(failures(), 0);
  });

  test('a stream that is the only probe is not turned away for itself when it is charged', () => {
    const { enter, halfOpen, limiter } = rig();
    halfOpen();
    const probe = enter();
    for (let i = 0; i < 3; i++) assert.is(probe.charge(), undefined);
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    assert.is(probe.charge(2)?.reason, 'rate_limited');
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    assert.is(enter().settle(done), true, 'the probe went back');
  });

  test('a message that is a probe again, because the circuit opened meanwhile, is settled by the next one that goes out', () => {
    const { at, enter, limiter } = rig();
    const passage = enter();
    passage.progress();
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    assert.is(passage.charge(), undefined);
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    passage.progress();
    assert.is(limiter.getCircuitState('peer'), 'closed');
  });

  test('a bad cost of a message is an error of the server, and the stream is over', () => {
    const { enter } = rig();
    const passage = enter();
    assert.is(passage.charge(0.5)?.reason, 'internal');
    assert.is(passage.isOver, true);
  });

  test('how long a request took is told where slowCallMs is on, of a stream until its first message', () => {
    const slow = { failureRateThreshold: 0.5, minimumCalls: 2, slowCallMs: 100 };
    const { at, enter, limiter } = rig({}, slow);
    for (let i = 0; i < 3; i++) {
      const stream = enter('stream');
      assert.is(stream.wantsProgress, true);
      at.ms += 50;
      stream.progress();
      at.ms += 5_000;
      stream.settle(done);
    }
    assert.is(limiter.getCircuitState('stream'), 'closed');
    for (let i = 0; i < 3 && limiter.getCircuitState('peer') === 'closed'; i++) {
      const passage = enter();
      at.ms += 500;
      passage.settle(done);
    }
    assert.is(limiter.getCircuitState('peer'), 'open');
  });

  test('a handler that takes longer than timeoutMs is a failure, and its late answer changes nothing', async () => {
    const { enter, failures } = rig();
    const passage = enter();
    passage.limitTime();
    await until(() => passage.isOver, 'the time-out');
    assert.is(failures(), 1);
    assert.is(passage.settle(done), false);
  });

  test('a handler that runs out of time after its client has left was cancelled', async () => {
    const { enter, failures } = rig();
    const client = new AbortController();
    const passage = enter();
    passage.limitTime(client);
    client.abort();
    await until(() => passage.isOver, 'the time-out');
    assert.is(failures(), 0);
  });

  test('an adapter may leave requests out; where that fails, it is like a bad peer', async () => {
    const { guard, limiter } = rig();
    const skip = (path: string) => {
      if (path === 'bad') throw new Error('skip');
      return path === 'free';
    };
    const gate = new RpcGate<string>(guard, {}, { name: 'test', peer: () => 'peer', skip });
    assert.is(gate.enter('free'), undefined);
    assert.is(limiter.peerCount, 0);
    assert.is(gate.enter('dear')?.allowed, true);
    await complaints(() => {
      assert.is((gate.enter('bad') as Refusal<string>).reason, 'internal');
    });
  });

  test('a handler that is done in time, or whose stream began, may take as long as it likes from then on', async () => {
    const { enter, failures } = rig();
    const [inTime, streaming, late] = [enter(), enter(), enter('late')];
    for (const passage of [inTime, streaming, late]) passage.limitTime();
    inTime.inTime();
    streaming.progress();
    await until(() => late.isOver, 'the time-out of the third');
    assert.is(inTime.isOver, false);
    assert.is(streaming.isOver, false);
    assert.is(failures(), 0);
  });

  test.run();
}
