/** RpcGate: whom it lets in, and how it turns others away. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Decision, isAllowed, type Passage, RpcGate } from '../../src/index.js';
import { engines } from '../engines.js';
import { drain, thrownBy } from '../support.js';
import { complaints, failed, rigOf } from './gate-rig.js';
import { turn } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`the gate (${name})`);
  const rig = (...args: Parameters<typeof rigOf> extends [unknown, ...infer Rest] ? Rest : never) =>
    rigOf(using, ...args);

  test('a request is let in until the bucket is empty, and then turned away with the reason and the wait', () => {
    const { gate, enter, refuse, limiter } = rig();
    for (let i = 4; i >= 0; i--) assert.is(enter().availableTokens, i);
    const refusal = refuse();
    assert.is(refusal.reason, 'rate_limited');
    assert.is(refusal.retryAfterMs, 100);
    assert.is(refusal.availableTokens, 0);
    assert.equal(refusal.toRpcError(), {
      code: -32001,
      message: 'Rate limit exceeded',
      data: { reason: 'rate_limited', retryAfterMs: 100 },
    });
    assert.is(gate.enter({ from: 'other' })?.allowed, true);
    assert.is(limiter.peerCount, 2);
  });

  test('a request without a peer is not limited', () => {
    const { gate, limiter } = rig();
    for (let i = 0; i < 20; i++) assert.is(gate.enter({ from: undefined }), undefined);
    assert.is(limiter.peerCount, 0);
  });

  test('an adapter that may skip requests lets none through for a promise', async () => {
    const { guard } = rig();
    const skips: unknown[] = [false, true, undefined, Promise.resolve(false), Promise.reject(new Error('later'))];
    const gate = new RpcGate<number>(
      guard,
      {},
      {
        ...{ name: 'test', peer: () => 'peer', skip: (which) => skips[which] as boolean },
      },
    );
    const said = await complaints(() => {
      const reasons = skips.map((_, which) => {
        const entry = gate.enter(which);
        return entry?.allowed === false ? entry.reason : entry?.allowed;
      });
      assert.equal(reasons, [true, undefined, true, 'internal', 'internal']);
    });
    assert.is(said.length, 1);
    await turn();
  });

  test('the option peer goes before the adapter’s own, and where neither is there the error says so', () => {
    const { gate, limiter, guard } = rig({ peer: () => 'everyone' });
    gate.enter({ from: 'peer' });
    assert.equal(
      [...limiter.peers()].map(({ id }) => id),
      ['everyone'],
    );
    const error = thrownBy(() => new RpcGate(guard, {}, { name: 'test' }));
    assert.is(error.field, 'peer');
  });

  test('a peer may be a handle or bytes, and bytes are those at the time of the request', () => {
    const { limiter, guard } = rig();
    const handle = limiter.peer('peer');
    const bytes = new TextEncoder().encode('peer');
    const gate = new RpcGate(
      guard,
      {},
      { name: 'test', peer: (which: string) => (which === 'handle' ? handle : bytes) },
    );
    const passages = ['handle', 'bytes'].map((which) => gate.enter(which) as Passage<string>);
    bytes.fill(0);
    for (const passage of passages) assert.ok(passage.settle(failed));
    assert.is(limiter.getCircuitState('peer'), 'open');
    assert.is(limiter.peerCount, 1);
  });

  test('where waiting cannot help there is no wait', () => {
    const { refuse } = rig({ cost: () => 6 });
    assert.is(refuse().retryAfterMs, null);
    assert.is(refuse().availableTokens, 5);
    assert.is((refuse().toRpcError().data as { retryAfterMs: unknown }).retryAfterMs, null);
  });

  test('an unknown option, a hook that is no function and what is no guard are refused by name', () => {
    const { guard } = rig();
    const kind = { name: 'test', peer: () => 'peer', optionNames: ['skip'] };
    const fieldOf = (options: object) => thrownBy(() => new RpcGate(guard, options, kind)).field;
    new RpcGate(guard, { skip: 1, peer: undefined } as object, kind);
    assert.is(fieldOf({ onRejects: () => {} }), 'onRejects');
    for (const hook of ['peer', 'cost', 'classify', 'onReject']) assert.is(fieldOf({ [hook]: 5 }), hook);
    for (const other of [
      {},
      { admit: () => 0 },
      { admit: () => 0, limiter: { check: () => 0 } },
      guard.limiter,
      null,
    ]) {
      assert.is(thrownBy(() => new RpcGate(other as never, {}, kind)).field, 'guard');
    }
    assert.is(thrownBy(() => new RpcGate(guard, null as never, kind)).field, 'options');
  });

  test('a peer function that throws, or returns no ID, makes an error of the server: never a crash, never a free pass', async () => {
    const thrown = new Error('no such header');
    const bad: (() => never)[] = [
      () => {
        throw thrown;
      },
      ...[null, 5, '', 'x'.repeat(1025), '\ud800', {}, []].map((value) => () => value as never),
      () => Promise.reject(thrown) as never,
    ];
    for (const peer of bad) {
      const { refuse, limiter } = rig({ peer });
      await complaints(async () => {
        const refusal = refuse();
        assert.is(refusal.reason, 'internal');
        assert.is(refusal.decision, undefined);
        assert.is(refusal.retryAfterMs, null);
        assert.instance(refusal.error, Error);
        assert.equal(refusal.toRpcError(), {
          code: -32603,
          message: 'Internal error',
          data: { reason: 'internal', retryAfterMs: null },
        });
        refusal.answered();
        assert.is(limiter.rejectionsBy('test').answered, 0, 'the limiter rejected nothing');
        await turn();
      });
    }
  });

  test('a cost that throws or is no cost is treated like a bad peer, and takes nothing', async () => {
    const bad: (() => unknown)[] = [
      () => {
        throw new Error('no cost');
      },
      ...[undefined, null, 0, 1.5, Number.NaN, '2'].map((value) => () => value),
      () => Promise.reject(new Error('later')),
    ];
    for (const cost of bad) {
      const { refuse, limiter } = rig({ cost: cost as () => number });
      await complaints(async () => {
        assert.is(refuse().reason, 'internal');
        assert.is(limiter.getAvailableTokens('peer'), 5);
        await turn();
      });
    }
  });

  test('an error of the options is written to the console, once a second at most', async () => {
    const error = new Error('no such header');
    const { refuse, at } = rig({
      peer: () => {
        throw error;
      },
    });
    const written = await complaints(() => {
      for (at.ms = 0; at.ms < 2_000; at.ms++) refuse();
    });
    assert.is(written.length, 2);
    assert.match(String(written[0]?.[0]), /^peergate\/test: a function of the options failed/);
    assert.is(written[0]?.[1], error);
  });

  test('with a closed limiter a request is turned away as unavailable, and what ends later is ignored', () => {
    const { enter, refuse, limiter } = rig();
    const passage = enter();
    limiter.close();
    const refusal = refuse();
    assert.is(refusal.reason, 'unavailable');
    assert.is(refusal.retryAfterMs, null);
    assert.is(refusal.availableTokens, undefined);
    assert.is(refusal.toRpcError().message, 'Service unavailable');
    assert.is(passage.availableTokens, undefined);
    assert.is(passage.wantsProgress, false);
    passage.progress();
    assert.is(passage.charge()?.reason, 'unavailable');
    assert.is(passage.settle(failed), false);
  });

  test('each rejection is counted by what was done with it', () => {
    const { enter, refuse, limiter } = rig();
    for (let i = 0; i < 5; i++) enter();
    refuse().answered();
    for (let i = 0; i < 2; i++) refuse().dropped();
    for (let i = 0; i < 3; i++) refuse().closed();
    assert.equal(limiter.rejectionsBy('test'), { answered: 1, dropped: 2, closed: 3 });
  });

  test('onReject is told at most ten times a second, and how many it was not told', () => {
    const told: [number, string, number][] = [];
    const { at, refuse, limiter } = rig({
      onReject: (decision: Decision, { from }, passedOver) => {
        assert.not(isAllowed(decision));
        told.push([at.ms, String(from), passedOver]);
      },
    });
    limiter.configure({ maxRequestsPerSec: 0.001 }, 0);
    drain(limiter, 'peer', 0);
    for (at.ms = 0; at.ms < 1_000; at.ms += 10) refuse().answered();
    assert.is(told.length, 10);
    assert.equal(told[0], [0, 'peer', 0]);
    assert.equal(told[9], [900, 'peer', 9]);
    at.ms = 5_000;
    refuse().dropped();
    assert.equal(told[10], [5_000, 'peer', 9]);
    at.ms = 4_000; // a clock that runs back does not silence it
    refuse().closed();
    assert.equal(told[11], [4_000, 'peer', 0]);
  });

  test('an onReject that throws, now or later, is swallowed', async () => {
    for (const onReject of [
      () => {
        throw new Error('hook');
      },
      async () => {
        throw new Error('hook');
      },
    ]) {
      const { refuse, limiter } = rig({ onReject });
      drain(limiter, 'peer', 0);
      refuse().answered();
      await turn();
      assert.is(limiter.rejectionsBy('test').answered, 1);
    }
  });

  test.run();
}
