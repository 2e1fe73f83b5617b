/** Whose failure it is: ready-made judges, and how a server takes its own outages upon itself. */

import { JSONRPCErrorException, type JSONRPCServer } from 'json-rpc-2.0';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clientErrorsIgnored, type JsonRpcCall, type JsonRpcOptions, onlyCodes } from '../../src/adapters/json-rpc.js';
import { RpcTimeout } from '../../src/index.js';
import { until } from '../rpc/support.js';
import { thrownBy } from '../support.js';
import { notification, peerInfo, request, withRig } from './rig.js';

const test = suite('whose failure it is');

const answered = (code: number) => ({ value: { jsonrpc: '2.0', id: 1, error: { code, message: '' } } });
const thrown = (error: unknown) => ({ error });

test('clientErrorsIgnored: what a clumsy client does is ignored, all other errors are failures', () => {
  for (const code of [-32600, -32601, -32602]) {
    assert.is(clientErrorsIgnored(answered(code)), 'ignored');
    assert.is(clientErrorsIgnored(thrown(new JSONRPCErrorException('', code))), 'ignored');
  }
  for (const code of [-32603, -32599, -32604, -32700, -32000, 0, 1]) {
    assert.is(clientErrorsIgnored(answered(code)), 'failure');
    assert.is(clientErrorsIgnored(thrown(new JSONRPCErrorException('', code))), 'failure');
  }
  for (const error of [new Error('crash'), new RpcTimeout(5), undefined, null, 'text', { code: '-32602' }]) {
    assert.is(clientErrorsIgnored(thrown(error)), 'failure');
  }
  for (const value of [null, undefined, 5, {}, { result: 1 }, { error: null }, { error: undefined }]) {
    assert.is(clientErrorsIgnored({ value }), 'success');
  }
});

test('onlyCodes: these codes are failures, all other errors are ignored; a throw without a code is -32603', () => {
  const judge = onlyCodes(-32000, -32603);
  for (const end of [
    answered(-32000),
    answered(-32603),
    thrown({ code: -32000 }),
    thrown(new Error()),
    thrown(new RpcTimeout(5)),
    { value: { error: {} } },
    thrown(undefined),
  ]) {
    assert.is(judge(end), 'failure', JSON.stringify(end));
  }
  for (const end of [answered(-32602), answered(5), thrown({ code: -32001 })]) assert.is(judge(end), 'ignored');
  for (const value of [null, { result: 1 }, { error: null }]) assert.is(judge({ value }), 'success');
  assert.is(onlyCodes(-32000)(thrown(new Error('crash'))), 'ignored');
});

test('onlyCodes refuses what is not a list of integers', () => {
  for (const codes of [[], [1.5], ['-32000'], [[-32000]], [undefined]]) {
    assert.is(thrownBy(() => onlyCodes(...(codes as number[]))).code, 'ERR_PEERGATE_RPC_ARGUMENT');
  }
});

test(
  'with clientErrorsIgnored a client that calls what is not there keeps its circuit closed',
  withRig({ adapter: { classify: clientErrorsIgnored } }, async ({ connect, limiter, server }) => {
    server.addMethod('picky', () => {
      throw new JSONRPCErrorException('no such account', -32602);
    });
    const client = await connect('peer');
    for (let i = 0; i < 8; i++) await client.call(i % 2 === 0 ? 'nobody' : 'picky');
    assert.is(peerInfo(limiter, 'peer').failures, 0);
    for (let i = 0; i < 4; i++) await client.call('crash');
    await client.call('nobody');
    assert.is(peerInfo(limiter, 'peer').failures, 4, 'it does not reset the run either');
    client.send('{');
    await until(() => limiter.getCircuitState('peer') === 'open', 'a frame that is not JSON is still a failure');
  }),
);

test(
  'classify is not asked about a notification that no method took',
  withRig({ adapter: { classify: clientErrorsIgnored } }, async ({ connect, limiter, gate }) => {
    const client = await connect('peer');
    const crash = async (times: number) => {
      for (let i = 0; i < times; i++) await client.call('crash');
    };
    const carriedOut = () => until(() => [...gate.connections][0]?.inFlight === 0, 'the notification');
    await crash(4);
    client.send(notification('add', [1, 2]));
    await client.read();
    await carriedOut();
    await crash(4);
    assert.is(limiter.getCircuitState('peer'), 'closed', 'one that went well resets the run');
    client.send(notification('nobody'));
    await client.read();
    await carriedOut();
    await crash(1);
    assert.is(limiter.getCircuitState('peer'), 'open', 'one that nobody took does not');
  }),
);

test(
  'a notification whose method rejects later is a failure like one whose method throws',
  withRig({}, async ({ connect, limiter, server }) => {
    server.addMethod('fail', async () => {
      await Promise.resolve();
      throw new Error('later');
    });
    const client = await connect('peer');
    for (let i = 0; i < 5; i++) client.send(notification('fail'));
    await until(() => limiter.getCircuitState('peer') === 'open', 'the circuit');
  }),
);

class UpstreamError extends Error {}

/** As docs/rpc.md has it. */
const ours: NonNullable<JsonRpcOptions<JsonRpcCall>['classify']> = (end) => {
  if ('error' in end && (end.error instanceof UpstreamError || end.error instanceof RpcTimeout)) return 'ignored';
  return clientErrorsIgnored(end);
};

const failing = (server: JSONRPCServer<JsonRpcCall>) =>
  server.addMethod('balance', () => {
    throw new UpstreamError('the database is down');
  });

test(
  "an outage of one's own opens no circuit where classify tells it apart, neither for requests nor for notifications",
  withRig({ adapter: { classify: ours }, guard: { timeoutMs: 20 }, prepare: failing }, async ({ connect, limiter }) => {
    const client = await connect('peer');
    for (let i = 0; i < 8; i++) assert.ok((await client.call('balance')).error);
    for (let i = 0; i < 6; i++) client.send(notification('balance'));
    await client.call('hang');
    assert.is(peerInfo(limiter, 'peer').failures, 0);
    for (let i = 0; i < 5; i++) await client.call('crash');
    assert.is(limiter.getCircuitState('peer'), 'open', "a crash is still the peer's");
  }),
);

test(
  'without it the same outage opens the circuit',
  withRig({ prepare: failing }, async ({ connect, limiter }) => {
    const client = await connect('peer');
    for (let i = 0; i < 5; i++) client.send(request(i, 'balance'));
    await client.messages(5);
    assert.is(limiter.getCircuitState('peer'), 'open');
  }),
);

test.run();
