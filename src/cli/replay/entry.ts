// One line of a log: who asked, and when.

import { timeOf } from './time.js';

export interface Entry {
  readonly client: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Fields that name the client in JSON lines: of nginx, Caddy, pino-http, Fastify, Traefik, Envoy, ECS, Google Cloud and others. */
const CLIENT_FIELDS = [
  ...[
    'remote_addr',
    'request.client_ip',
    'request.remote_ip',
    'req.remoteAddress',
    'ClientHost',
    'httpRequest.remoteIp',
  ],
  ...['client_ip', 'clientIp', 'client.ip', 'source.ip', 'remote_ip', 'remoteIp', 'remoteAddress', 'ip', 'client'],
  ...['downstream_remote_address', 'ClientAddr', 'remoteAddr', 'remote_host'],
];

const TIME_FIELDS = [
  ...['time_iso8601', 'time', 'ts', 'timestamp', '@timestamp', 'msec', 'StartUTC', 'time_local', 'start_time'],
  ...['datetime', 'date', 'at', 't'],
];

/** Reads lines of any of the formats, mixed or not. */
export class EntryReader {
  readonly #clientField: string | undefined;
  readonly #client: Fields;
  readonly #time: Fields;

  constructor(clientField?: string, timeField?: string) {
    this.#clientField = clientField;
    this.#client = new Fields(clientField === undefined ? CLIENT_FIELDS : [clientField]);
    this.#time = new Fields(timeField === undefined ? TIME_FIELDS : [timeField]);
  }

  /** What the line says, or why it cannot be used. */
  read(line: string): Entry | string {
    return line.startsWith('{') ? this.#json(line) : this.#common(line);
  }

  /** `host ident user [time] "request" status bytes`, and in the combined format `"referer" "agent"`. */
  #common(line: string): Entry | string {
    const space = line.indexOf(' ');
    const open = line.indexOf(' [', space);
    const close = line.indexOf(']', open);
    if (space < 1 || open < 0 || close < 0) return 'not a line of an access log';
    const at = timeOf(line.slice(open + 2, close));
    if (Number.isNaN(at)) return 'no time that can be read';
    let client = line.slice(0, space);
    if (this.#clientField === 'user') client = line.slice(line.indexOf(' ', space + 1) + 1, open);
    else if (this.#clientField !== undefined && this.#clientField !== 'host') return `no field ${this.#clientField}`;
    return client === '-' || client === '' ? 'no client' : { client, at };
  }

  #json(line: string): Entry | string {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return 'not JSON';
    }
    const client = this.#client.of(value);
    if (typeof client !== 'string' && typeof client !== 'number') return 'no client';
    if (client === '' || client === '-') return 'no client';
    const at = timeOf(this.#time.of(value));
    return Number.isNaN(at) ? 'no time that can be read' : { client: String(client), at };
  }
}

/** Looks for one of several fields. Lines of a log are alike, so the one found last is tried first. */
class Fields {
  readonly #names: readonly string[];
  #last: string;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#last = names[0] as string;
  }

  of(value: unknown): unknown {
    const found = field(value, this.#last);
    if (found !== undefined) return found;
    for (const name of this.#names) {
      const other = field(value, name);
      if (other === undefined) continue;
      this.#last = name;
      return other;
    }
    return undefined;
  }
}

/** A field by its name, or by the names on the way to it: `req.remoteAddress`. */
function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name] ?? undefined;
  const dot = name.indexOf('.');
  if (dot < 0) return undefined;
  const first = name.slice(0, dot);
  return Object.hasOwn(value, first)
    ? field((value as Record<string, unknown>)[first], name.slice(dot + 1))
    : undefined;
}
