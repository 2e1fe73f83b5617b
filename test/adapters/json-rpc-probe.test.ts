/** A batch that is a probe is judged once, whatever comes of its members and in whatever order. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BatchProbe } from '../../src/flow/probe.js';
import { turn, until } from '../rpc/support.js';
import { openCircuit } from '../support.js';
import { FakeSocket } from './fake-socket.js';
import { request, type Wire, withRig } from './rig.js';

const test = suite('batches that are a probe');

const OUTCOMES = ['recordSuccess', 'recordFailure', 'recordIgnored'] as const;
type Record = (typeof OUTCOMES)[number];

/** Every sequence of that many outcomes. */
function sequences(length: number): Record[][] {
  if (length === 0) return [[]];
  return sequences(length - 1).flatMap((rest) => OUTCOMES.map((outcome) => [...rest, outcome]));
}

test('the peer hears one outcome: the first failure at once; without one, at the end a success if there was any', () => {
  for (const outcomes of [1, 2, 3, 4].flatMap(sequences)) {
    const heard: string[] = [];
    const hear = (outcome: Record) => (permit?: number) => heard.push(`${outcome} ${permit}`) > 0;
    const peer = {
      check: () => 0,
      recordSuccess: hear('recordSuccess'),
      recordFailure: hear('recordFailure'),
      recordIgnored: hear('recordIgnored'),
    };
    const probe = new BatchProbe(peer as never, outcomes.length);
    const failure = outcomes.indexOf('recordFailure');
    for (const [i, outcome] of outcomes.entries()) {
      const counted = probe[outcome](7 as never);
      const isHeard = failure >= 0 ? i === failure : i === outcomes.length - 1;
      assert.is(counted, isHeard, `${outcomes} at ${i}`);
      assert.is(heard.length, Number(failure >= 0 ? i >= failure : isHeard), `${outcomes} at ${i}`);
    }
    const last = outcomes.includes('recordSuccess') ? 'recordSuccess' : 'recordIgnored';
    assert.equal(heard, [`${failure >= 0 ? 'recordFailure' : last} 7`], String(outcomes));
  }
});

for (const [crashing, state] of [
  [[], 'closed'],
  [[0], 'open'],
  [[2], 'open'],
] as const) {
  test(
    `a batch that waited while the circuit opened is the next probe, as a whole: failing ${crashing}, ${state}`,
    withRig(
      { limiter: { burstSize: 100, circuitBreakerTimeoutMs: 1_000 }, adapter: { maxInFlight: 1 } },
      async ({ at, gate, limiter, hanging }) => {
        const socket = new FakeSocket();
        gate.accept(socket, 'peer');
        socket.deliver(JSON.stringify(request(0, 'hang')));
        const members = [0, 1, 2].map((i) =>
          request(i, (crashing as readonly number[]).includes(i) ? 'crash' : 'add', [1, 2]),
        );
        socket.deliver(JSON.stringify(members));
        openCircuit(limiter, 'peer', 0);
        at.ms = 1_000;
        hanging[0]?.resolve(1);
        await until(() => socket.sent.length === 2, 'the answers');
        await turn();
        assert.is((JSON.parse(socket.sent[1] as string) as Wire[]).length, 3);
        assert.is(limiter.getCircuitState('peer'), state);
      },
    ),
  );
}

test.run();
