// Compares a run with the bars of bars.json. A bar is a bound for one figure of the run, most often for a ratio. A ratio is
// taken within each round, between cases that were measured at most minutes apart. The median over the rounds counts.

import { readFileSync } from 'node:fs';
import * as price from './cluster/price.js';
import { rateLimiterFlexible } from './compare/rate-limiter-flexible.js';
import { each, median, type Result } from './harness.js';
import { FIGURE } from './question.js';
import * as adapters from './questions/adapters.js';
import * as adaptive from './questions/adaptive.js';
import * as allocation from './questions/allocation.js';
import * as batch from './questions/batch.js';
import * as byId from './questions/by-id.js';
import * as cluster from './questions/cluster.js';
import * as coarse from './questions/coarse.js';
import * as flood from './questions/flood.js';
import * as fresh from './questions/fresh.js';
import * as growth from './questions/growth.js';
import * as grpc from './questions/grpc.js';
import * as guardPrice from './questions/guard-price.js';
import * as http from './questions/http.js';
import * as known from './questions/known.js';
import * as outcome from './questions/outcome.js';
import * as server from './questions/server.js';
import * as telemetry from './questions/telemetry.js';
import * as threads from './questions/threads.js';
import { shownNumber } from './report.js';

interface Bar {
  readonly id: string;
  readonly question: string;
  readonly bar: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly below?: number;
}

export interface Judgement {
  readonly id: string;
  readonly question: string;
  readonly bar: string;
  /** Undefined if this run did not measure it. */
  readonly value: number | undefined;
  readonly shown: string;
  readonly holds: boolean;
}

export const bars = JSON.parse(readFileSync(new URL('./bars.json', import.meta.url), 'utf8')) as readonly Bar[];

/** Returns a figure of one case, in one round. */
type Look = (question: string, row: string, column: string, figure?: string) => number;

/** The lowest figure of these rows. */
const least = (look: Look, question: string, rows: readonly string[], column: string) =>
  Math.min(...rows.map((row) => look(question, row, column)));

const GCRA = [known.GCRA_NUMBERS, known.GCRA_OBJECTS];
const handle = (look: Look, column = known.GIVEN) => look('known', known.OURS, column);
const idRatio = (peers: number) => (look: Look) =>
  look('by-id', byId.OURS, byId.columnOf(peers)) / look('by-id', byId.MAP, byId.columnOf(peers));
const freshRatio = (peers: number) => (look: Look) =>
  look('fresh', fresh.rowOf('libp2p'), byId.columnOf(peers), 'ratio');
const fastest = (look: Look) => least(look, 'known', known.KEYED_RIVALS, known.REAL);

const measures: Readonly<Record<string, (look: Look) => number>> = {
  'handle-published': (look) => fastest(look) / handle(look),
  'handle-gcra': (look) => least(look, 'known', GCRA, known.REAL) / handle(look),
  'handle-twin': (look) => handle(look) / look('known', known.TWIN, known.GIVEN),
  'outcome-check': (look) => look('outcome', outcome.OURS, outcome.GIVEN) / handle(look),
  'shared-plain': (look) =>
    look('threads', threads.SHARED, threads.COLUMN) / look('threads', threads.PLAIN, threads.COLUMN),
  'clock-sum': (look) => handle(look, known.REAL) / (look('known', known.CLOCK, known.REAL) + handle(look)),
  'clock-gcra': (look) => least(look, 'known', GCRA, known.REAL) / handle(look, known.REAL),
  'id-1k': idRatio(1_000),
  'id-10k': idRatio(10_000),
  'id-1m': idRatio(1_000_000),
  'fresh-1k': freshRatio(1_000),
  'fresh-10k': freshRatio(10_000),
  'fresh-100k': freshRatio(100_000),
  'fresh-1m': freshRatio(1_000_000),
  'bytes-100k': (look) => look('fresh', fresh.KEY_ROW, byId.columnOf(100_000), 'ratio'),
  'reject-rate': (look) => handle(look, known.BY_RATE) / handle(look),
  'reject-circuit': (look) => handle(look, known.BY_CIRCUIT) / handle(look),
  'reject-flexible': (look) =>
    look('flood', known.rowOf(rateLimiterFlexible), flood.RATE) /
    Math.max(look('flood', flood.GIVEN, flood.RATE), look('flood', flood.GIVEN, flood.CIRCUIT)),
  'outcome-cockatiel': (look) =>
    look('outcome', outcome.LIMITER_COCKATIEL, outcome.REAL) / look('outcome', outcome.OURS, outcome.REAL),
  'id-clock-gcra': (look) =>
    look('by-id', byId.OURS_CLOCK, byId.columnOf(1_000)) /
    least(look, 'by-id', [byId.GCRA_NUMBERS, byId.GCRA_OBJECTS], byId.columnOf(1_000)),
  allocation: (look) =>
    Math.max(...allocation.ROWS.map((row) => look('allocation', row, allocation.COLUMN, allocation.BYTES))),
  'batch-256': (look) => look('batch', batch.batchRow(256), batch.COLUMN) / look('batch', batch.SINGLE, batch.COLUMN),
  'telemetry-allowed': (look) => look('telemetry', telemetry.ROW, telemetry.COLUMN, telemetry.ALLOWED),
  'telemetry-rejected': (look) => look('telemetry', telemetry.ROW, telemetry.COLUMN, telemetry.REJECTED),
  'telemetry-handle': (look) => look('telemetry', telemetry.ROW, telemetry.COLUMN, telemetry.REJECTED_BY_HANDLE),
  'telemetry-collect': (look) => look('telemetry', telemetry.ROW, telemetry.COLUMN, telemetry.COLLECT_MS),
  'telemetry-pause': (look) => look('telemetry', telemetry.ROW, telemetry.COLUMN, telemetry.PAUSE_MS),
  'guard-run': (look) => look('guard-price', guardPrice.ROW, guardPrice.COLUMN, guardPrice.PLAIN),
  'guard-signal': (look) => look('guard-price', guardPrice.ROW, guardPrice.COLUMN, guardPrice.ASKED),
  'fill-worst': (look) => look('growth', growth.OURS, '', growth.WORST),
  'fill-resident': (look) => look('growth', growth.OURS, '', growth.BYTES),
  'grpc-cpu': (look) => look('grpc', grpc.GRPC, '', server.CPU),
  'trpc-cpu': (look) => look('adapters-web', adapters.TRPC, '', adapters.CPU),
  'server-cpu': (look) => look('server', server.SINGLE, '', server.CPU),
  'server-rate': (look) => look('server', server.SINGLE, '', server.RATE),
  'server-batch': (look) => look('server', server.BATCH, '', server.CPU),
  'http-express': (look) => look('http', http.EXPRESS, '', server.CPU),
  'http-node': (look) => look('http', http.NODE, '', server.CPU),
  'http-node-plain': (look) => look('http', http.NODE_PLAIN, '', server.CPU),
  'adaptive-default': (look) => look('adaptive', adaptive.ROW, adaptive.COLUMN, adaptive.DEFAULT),
  'adaptive-window': (look) => look('adaptive', adaptive.ROW, adaptive.COLUMN, adaptive.WINDOW),
  'adaptive-priced': (look) => look('adaptive', adaptive.ROW, adaptive.COLUMN, adaptive.PRICED),
  'adaptive-together': (look) => look('adaptive', adaptive.ROW, adaptive.COLUMN, adaptive.TOGETHER),
  'cluster-off': (look) => look('cluster-price', cluster.PLAIN, '', price.OFF),
  'cluster-plain': (look) => look('cluster-price', cluster.PLAIN, '', price.ON),
  'cluster-shared': (look) => look('cluster-price', cluster.SHARED, '', price.ON),
  coarse: (look) => look('coarse', coarse.COARSE, coarse.COLUMN) - look('coarse', coarse.GIVEN, coarse.COLUMN),
};

export function judge({ id, question, bar, atLeast, atMost, below }: Bar, results: readonly Result[]): Judgement {
  const measure = measures[id];
  if (measure === undefined) throw new Error(`bars.json: nothing measures ${id}`);
  const rounds = Math.max(0, ...results.map((result) => result.rounds.length));
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const value = measure((name, row, column, figure = FIGURE) => {
      const result = results.find((found) => found.question === name && found.row === row && found.column === column);
      return result === undefined ? Number.NaN : (each(result, figure)[round] as number);
    });
    if (!Number.isNaN(value)) values.push(value);
  }
  const value = values.length === 0 ? undefined : median(values);
  const shown =
    value === undefined
      ? 'not asked'
      : `${shownNumber(value)} (${shownNumber(Math.min(...values))} … ${shownNumber(Math.max(...values))})`;
  const holds =
    value !== undefined &&
    value >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
    value <= (atMost ?? Number.POSITIVE_INFINITY) &&
    value < (below ?? Number.POSITIVE_INFINITY);
  return { id, question, bar, value, shown, holds };
}
