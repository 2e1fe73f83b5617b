// `npx tsx scripts/make-log.ts LINES [--format combined | common | json]`: an access log on standard output, the same one each
// time. It is one day of a web site: visitors who load pages with all that is on them, a few programs that ask steadily, one
// client that asks as fast as it can for a quarter of an hour, and now and then a broken line. As in real logs a line
// comes when its request has ended, so the times are not quite in order.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Chance } from './simulate/chance.js';

export const formats = ['combined', 'common', 'json'] as const;
export type Format = (typeof formats)[number];

const SEED = 7;
const START = Date.UTC(2026, 2, 1);
const DAY_MS = 86_400_000;
const FLOOD_FROM = START + 14 * 3_600_000;
const FLOOD_MS = 15 * 60_000;
const FLOOD_SHARE = 0.1;
const PROGRAM_SHARE = 0.1;
const BROKEN_EVERY = 5_000;
/** Requests of a visitor in a day, on average. */
const PER_VISITOR = 40;
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const PATHS = [
  '/',
  '/about',
  '/news',
  '/search?q=a',
  '/style.css',
  '/logo.svg',
  '/app.js',
  '/photo-1.jpg',
  '/photo-2.jpg',
];
const BROKEN = [
  'GET / HTTP/1.1',
  '',
  '\u0016\u0003\u0001\u0002',
  '198.18.0.1 - - [30/Feb/2026:00:00:00 +0000] "GET /"',
  '{"time":',
];

interface Request {
  readonly at: number;
  readonly client: string;
  readonly path: string;
}

/** The lines of a log, without their ends. */
export function* logLines(count: number, format: Format): Generator<string> {
  const chance = new Chance(SEED);
  const flooding = Math.floor(count * FLOOD_SHARE);
  const visits = visitsOf(count - flooding, chance);
  let visit = visits.next();
  for (let i = 0, flooded = 0; i < count; i++) {
    const floodAt = FLOOD_FROM + (FLOOD_MS * flooded) / flooding;
    let request: Request;
    if (flooded < flooding && (visit.done || floodAt < visit.value.at)) {
      // All of one /64: to a limiter that does not group addresses each is a new peer.
      const client = `2001:db8:bad:f00d:${below(chance, 65_536).toString(16)}:${below(chance, 65_536).toString(16)}::1`;
      request = { at: floodAt, client, path: '/search?q=a' };
      flooded++;
    } else {
      request = visit.value as Request;
      visit = visits.next();
    }
    yield i % BROKEN_EVERY === BROKEN_EVERY - 1
      ? (BROKEN[below(chance, BROKEN.length)] as string)
      : line(request, format, chance);
  }
}

/** Page views, one after the other, more of them by day than by night; and programs between them. */
function* visitsOf(count: number, chance: Chance): Generator<Request> {
  const visitors = Math.max(Math.floor(count / PER_VISITOR), 1);
  for (let i = 0; i < count; ) {
    const part = i / count;
    const at = START + DAY_MS * (part + 0.12 * Math.sin(2 * Math.PI * part));
    if (chance.next() < PROGRAM_SHARE * 4) {
      i++;
      yield { at, client: `198.51.100.${below(chance, 5)}`, path: '/news' };
      continue;
    }
    // Few visitors come often.
    const client = addressOf(Math.floor(visitors * chance.next() ** 2), chance);
    for (let parts = 1 + below(chance, 10); parts > 0 && i < count; parts--, i++) {
      yield {
        at: Math.min(at + below(chance, 1_500), START + DAY_MS - 1),
        client,
        path: PATHS[below(chance, PATHS.length)] as string,
      };
    }
  }
}

/** A third of the visitors has IPv6, and another address of its network for each page. */
function addressOf(visitor: number, chance: Chance): string {
  if (visitor % 3 === 0)
    return `2001:db8:${(visitor >> 16).toString(16)}:${(visitor & 0xffff).toString(16)}::${below(chance, 4_096).toString(16)}`;
  return `198.${18 + ((visitor >> 16) & 1)}.${(visitor >> 8) & 255}.${visitor & 255}`;
}

function line({ at, client, path }: Request, format: Format, chance: Chance): string {
  const [time, status, bytes] = [new Date(at), chance.next() < 0.02 ? 404 : 200, 200 + below(chance, 50_000)];
  if (format === 'json') {
    return JSON.stringify({ time: time.toISOString(), remote_addr: client, method: 'GET', uri: path, status, bytes });
  }
  const [date = '', clock = ''] = time.toISOString().slice(0, 19).split('T');
  const [year, month, day] = date.split('-');
  const stamp = `${day}/${MONTHS.slice(Number(month) * 3 - 3, Number(month) * 3)}/${year}:${clock} +0000`;
  const common = `${client} - - [${stamp}] "GET ${path} HTTP/1.1" ${status} ${bytes}`;
  return format === 'common'
    ? common
    : `${common} "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"`;
}

function below(chance: Chance, limit: number): number {
  return Math.floor(chance.next() * limit);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: { format: { type: 'string', default: 'combined' } },
    allowPositionals: true,
  });
  const count = Number(positionals[0]);
  const format = formats.find((known) => known === values.format);
  if (!Number.isSafeInteger(count) || count < 0 || format === undefined) {
    console.error(`usage: npx tsx scripts/make-log.ts LINES [--format ${formats.join(' | ')}]`);
    process.exit(2);
  }
  let chunk = '';
  for (const text of logLines(count, format)) {
    chunk += `${text}\n`;
    if (chunk.length < 2 ** 18) continue;
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
    chunk = '';
  }
  process.stdout.write(chunk);
}
