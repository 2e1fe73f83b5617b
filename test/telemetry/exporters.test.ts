/** Metrics and spans in the real OpenTelemetry SDK and the real prom-client; channels; what is refused. */

import diagnostics from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { pino } from 'pino';
import { Counter, Registry } from 'prom-client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter, RpcGuard } from '../../src/index.js';
import { observe } from '../../src/telemetry/index.js';
import { registerPrometheus } from '../../src/telemetry/prometheus.js';
import { openCircuit, thrownBy } from '../support.js';

const test = suite('exporters');

const limiterOf = (options = {}) =>
  new RateLimiter({
    maxPeers: 8,
    maxRequestsPerSec: 1,
    burstSize: 3,
    circuitBreakerThreshold: 2,
    clock: () => 0,
    ...options,
  });

/** A limiter that has seen something of everything. */
async function busyLimiter() {
  const limiter = limiterOf();
  for (let i = 0; i < 5; i++) limiter.check('a');
  limiter.check('b');
  openCircuit(limiter, 'b', 0);
  limiter.check('b');
  limiter.setLoadFactor(0.5);
  const guard = new RpcGuard(limiter);
  await guard.run('b', () => 1).catch(() => {});
  return limiter;
}

const EXPECTED = {
  'peergate.decisions': [
    [4, { 'peergate.decision': 'allowed' }],
    [2, { 'peergate.decision': 'rate_limited' }],
    [2, { 'peergate.decision': 'circuit_open' }],
    [0, { 'peergate.decision': 'table_full' }],
  ],
  'peergate.circuit.transitions': [
    [1, { 'peergate.circuit.state': 'open' }],
    [0, { 'peergate.circuit.state': 'half_open' }],
    [0, { 'peergate.circuit.state': 'closed' }],
  ],
  'peergate.circuit.held_back': [[0, {}]],
  'peergate.peers': [
    [1, { 'peergate.circuit.state': 'closed' }],
    [1, { 'peergate.circuit.state': 'open' }],
    ...['half_open', 'recovering', 'forced_open', 'forced_closed'].map((state) => [
      0,
      { 'peergate.circuit.state': state },
    ]),
  ],
  'peergate.peers.limit': [[8, {}]],
  'peergate.peers.reclaimed': [[0, {}]],
  'peergate.results.stale': [[0, {}]],
  'peergate.rejections': [
    [1, { 'peergate.adapter': 'guard', 'peergate.rejection.action': 'answered' }],
    [0, { 'peergate.adapter': 'guard', 'peergate.rejection.action': 'dropped' }],
    [0, { 'peergate.adapter': 'guard', 'peergate.rejection.action': 'closed' }],
  ],
  'peergate.load_factor': [[0.5, {}]],
};

test('OpenTelemetry collects every metric, with its unit and its attributes', async () => {
  const limiter = await busyLimiter();
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const observer = observe(limiter, { name: 'rpc', meter: provider.getMeter('test') });
  await provider.forceFlush();
  const [collected] = exporter.getMetrics();
  const found = Object.fromEntries(
    (collected?.scopeMetrics[0]?.metrics ?? []).map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints.map(({ value, attributes }) => {
        const { 'peergate.limiter': name, ...rest } = attributes;
        assert.is(name, 'rpc');
        return [value, rest];
      }),
    ]),
  );
  assert.equal(found, EXPECTED);
  const units = collected?.scopeMetrics[0]?.metrics.map(({ descriptor }) => descriptor.unit);
  assert.equal(units, [
    '{decision}',
    '{transition}',
    '{trip}',
    '{peer}',
    '{peer}',
    '{peer}',
    '{result}',
    '{rejection}',
    '1',
  ]);
  exporter.reset();
  observer.close();
  limiter.check('c');
  await provider.forceFlush();
  const after = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  const decisions = after.find(({ descriptor }) => descriptor.name === 'peergate.decisions');
  assert.is(decisions?.dataPoints[0]?.value, 4, 'nothing new once it is closed');
  await provider.shutdown();
});

test('spans are about guard.run: a rejection is an event, a throw an error, giving up neither', async () => {
  const limiter = limiterOf();
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  const tracer = provider.getTracer('test');
  const observer = observe(limiter, { name: 'rpc', tracer, peerAttribute: (id) => `peer:${id}` });
  const guard = new RpcGuard(limiter);
  const inside = await guard.run('a', () => trace.getActiveSpan()?.spanContext().spanId);
  const [well] = exporter.getFinishedSpans();
  assert.is(well?.spanContext().spanId, inside, 'the span is the active one of the handler');
  assert.equal([well?.name, well?.kind], ['peergate.call', SpanKind.INTERNAL]);
  assert.equal(well?.attributes, { 'peergate.limiter': 'rpc', 'peergate.peer': 'peer:a' });
  assert.is(well?.status.code, SpanStatusCode.UNSET);
  exporter.reset();

  const failure = new Error('no such block');
  assert.is(await guard.run('a', () => Promise.reject(failure)).catch((error) => error), failure);
  const controller = new AbortController();
  const given = guard.run('a', () => new Promise(() => {}), { signal: controller.signal }).catch((error) => error);
  controller.abort(new Error('no more interest'));
  assert.match(((await given) as Error).message, /no more interest/);
  limiter.check('a');
  await guard.run('a', () => 1).catch(() => {});
  const [failed, abandoned, rejected] = exporter.getFinishedSpans();
  assert.equal([failed?.status.code, failed?.events.map(({ name }) => name)], [SpanStatusCode.ERROR, ['exception']]);
  assert.equal([abandoned?.status.code, abandoned?.events], [SpanStatusCode.UNSET, []]);
  assert.is(rejected?.status.code, SpanStatusCode.UNSET);
  assert.equal(
    rejected?.events.map(({ name, attributes }) => [name, attributes]),
    [['peergate.rejected', { 'peergate.decision': 'rate_limited', 'peergate.retry_after_ms': 1_000 }]],
  );
  exporter.reset();
  observer.close();
  await guard.run('c', () => 1);
  assert.is(exporter.getFinishedSpans().length, 0);
  manager.disable();
  context.disable();
});

test('metrics and spans arrive over OTLP', async () => {
  const limiter = await busyLimiter();
  const bodies = new Map<string, string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.set(request.url ?? '', Buffer.concat(chunks).toString());
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url: `${url}/v1/metrics` }),
    exportIntervalMillis: 3_600_000,
  });
  const meters = new MeterProvider({ readers: [reader] });
  const spans = new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }));
  const tracers = new BasicTracerProvider({ spanProcessors: [spans] });
  const observer = observe(limiter, { meter: meters.getMeter('test'), tracer: tracers.getTracer('test') });
  await new RpcGuard(limiter).run('c', () => 1);
  await meters.forceFlush();
  await tracers.forceFlush();
  const sent = bodies.get('/v1/metrics') ?? '';
  for (const name of Object.keys(EXPECTED)) assert.ok(sent.includes(`"${name}"`), name);
  assert.ok(bodies.get('/v1/traces')?.includes('"peergate.call"'));
  observer.close();
  await meters.shutdown();
  await tracers.shutdown();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('a registry of prom-client shows every metric, of several limiters, in both of its formats', async () => {
  const limiter = await busyLimiter();
  const other = limiterOf();
  const registry = new Registry();
  const unregister = registerPrometheus(limiter, registry, { name: 'rpc' });
  const unregisterOther = registerPrometheus(other, registry, { name: 'other' });
  const text = await registry.metrics();
  for (const line of [
    '# TYPE peergate_decisions_total counter',
    'peergate_decisions_total{limiter="rpc",decision="rate_limited"} 2',
    'peergate_circuit_transitions_total{limiter="rpc",state="open"} 1',
    'peergate_circuit_held_back_total{limiter="rpc"} 0',
    '# TYPE peergate_peers gauge',
    'peergate_peers{limiter="rpc",state="open"} 1',
    'peergate_peers_limit{limiter="other"} 8',
    'peergate_peers_reclaimed_total{limiter="rpc"} 0',
    'peergate_results_stale_total{limiter="rpc"} 0',
    'peergate_rejections_total{limiter="rpc",adapter="guard",action="answered"} 1',
    'peergate_load_factor{limiter="rpc"} 0.5',
  ]) {
    assert.ok(text.split('\n').includes(line), line);
  }
  const open = new Registry();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  registerPrometheus(limiter, open as never, { prefix: 'my_' });
  const openText = await open.metrics();
  assert.ok(openText.includes('\nmy_decisions_total{limiter="default",decision="allowed"} 4\n'), openText);
  assert.ok((await open.metrics()).includes('\n# TYPE my_decisions counter\n'), 'the second time as well');

  limiter.close();
  assert.not((await registry.metrics()).includes('limiter="rpc"'), 'a closed limiter has no values');
  unregister();
  unregisterOther();
  unregisterOther();
  assert.is((await registry.metrics()).trim(), '');
});

test('two limiters of one name, a name that prom-client has already, and what is none are refused', () => {
  const limiter = limiterOf();
  const registry = new Registry();
  registerPrometheus(limiter, registry);
  assert.match(
    thrownBy(() => registerPrometheus(limiterOf(), registry)).message,
    /name: expected a name that no limiter/,
  );
  const taken = new Registry();
  new Counter({ name: 'peergate_results_stale_total', help: 'another', registers: [taken] });
  assert.match(thrownBy(() => registerPrometheus(limiter, taken)).message, /already been registered/);
  for (const options of [{ nam: 'x' }, { name: '' }, { prefix: '9' }]) {
    assert.is(
      thrownBy(() => registerPrometheus(limiter, new Registry(), options as never)).code,
      'ERR_PEERGATE_CONFIG',
    );
  }
  assert.match(thrownBy(() => registerPrometheus({} as never, registry)).message, /limiter: expected a RateLimiter/);
  assert.match(thrownBy(() => registerPrometheus(limiter, {} as never)).message, /registry/);
});

test('observe refuses unknown options and bad ones, before anything begins', () => {
  const limiter = limiterOf();
  for (const [options, message] of [
    [{ loger: pino }, /did you mean logger/],
    [{ name: '' }, /name/],
    [{ meter: {} }, /a Meter/],
    [{ tracer: {} }, /a Tracer/],
    [{ logger: console.log }, /a logger with warn/],
    [{ logEveryMs: 0 }, /logEveryMs/],
    [{ topK: 1.5 }, /topK/],
    [{ allThreads: 1 }, /allThreads/],
    [{ peerAttribute: 'id' }, /peerAttribute/],
  ] as const) {
    const error = thrownBy(() => observe(limiter, options as never));
    assert.match(error.message, message);
    assert.is(error.code, 'ERR_PEERGATE_CONFIG');
  }
  assert.is(limiter.arounds.length, 0);
});

test('diagnostics channels carry the events while somebody subscribes, and the calls of the guard', async () => {
  const limiter = limiterOf({ maxPeers: 1 });
  const observer = observe(limiter, { name: 'rpc' });
  const heard: [string, Record<string, unknown>][] = [];
  const hear = (message: unknown, name: string | symbol) =>
    heard.push([String(name), message as Record<string, unknown>]);
  const names = [
    'peergate:reject',
    'peergate:breaker',
    'peergate:reclaim',
    'tracing:peergate.call:start',
    'tracing:peergate.call:asyncEnd',
  ];
  for (const name of names) diagnostics.subscribe(name, hear);
  await new RpcGuard(limiter).run('a', () => Promise.resolve(1));
  limiter.check('a', 3);
  limiter.forceOpen('a');
  limiter.check('b');
  limiter.close();
  for (const name of names) diagnostics.unsubscribe(name, hear);
  assert.equal(
    heard.map(([name]) => name.replace(/^tracing:/, '')),
    ['peergate.call:start', 'peergate.call:asyncEnd', 'peergate:reject', 'peergate:breaker', 'peergate:reclaim'],
  );
  assert.equal([heard[0]?.[1]['limiter'], heard[0]?.[1]['peer']], ['rpc', 'a']);
  assert.equal(heard[2]?.[1], {
    ...{ kind: 'rejected', peer: 'a', reason: 'rate_limited', retryAfterMs: 1_000, time: 0, limiter: 'rpc' },
  });
  assert.equal([heard[3]?.[1]['to'], heard[4]?.[1]['kind']], ['forced_open', 'table_full']);
  observer.close();
});

test('where there are no diagnostics channels, all else goes on', async () => {
  const { getBuiltinModule } = process;
  Object.assign(process, { getBuiltinModule: undefined });
  try {
    const limiter = limiterOf();
    const warned: object[] = [];
    const logger = { warn: (fields: object) => warned.push(fields), info() {}, debug() {} };
    const observer = observe(limiter, { logger });
    limiter.check('a', 3);
    limiter.check('a');
    assert.is(warned.length, 1);
    assert.is(await new RpcGuard(limiter).run('b', () => 7), 7);
    observer.close();
    limiter.close();
  } finally {
    Object.assign(process, { getBuiltinModule });
  }
});

test('pino writes what it is given', () => {
  const limiter = limiterOf();
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  const observer = observe(limiter, { logger });
  limiter.check('a', 3);
  limiter.check('a');
  limiter.check('a');
  observer.close();
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(
    [
      first?.['level'],
      first?.['event'],
      first?.['peer'],
      first?.['reason'],
      first?.['retryAfterMs'],
      first?.['suppressed'],
    ],
    [40, 'peergate.rejected', 'a', 'rate_limited', 1_000, 0],
  );
  assert.equal([first?.['msg'], second?.['suppressed']], ['request rejected', 1]);
  limiter.close();
});

test.run();
