/** What the HTTP adapters' rigs share: the client, and what a test may ask the server's methods to do. */

import { EventEmitter, once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RefusalReason, RpcGuard } from '../../src/index.js';
import type { AdapterRig, OpenStream, Options, Seen, Served } from './behaviours.js';

/** The methods behind each framework, and what they have seen. */
export class Methods extends EventEmitter {
  handled = 0;
  parsed = 0;

  /** A method was reached. */
  reached(name: string): void {
    this.handled++;
    this.emit(name);
  }

  /** A stream: its first message, and then what the test says. */
  async *messages(): AsyncGenerator<string> {
    yield 'first\n';
    const [fails] = await once(this, 'finish');
    if (fails) throw new Error('the stream failed');
    yield 'last\n';
  }
}

/** Starts a server of the framework, with the adapter before four methods: POST /ok, /crash, /hang, /stream. */
export type Start = (guard: RpcGuard, options: Options, methods: Methods) => Promise<Server>;

export const codes = {
  ok: 200,
  rate_limited: 429,
  circuit_open: 429,
  table_full: 503,
  unavailable: 503,
  internal: 500,
} as const;

const QUESTION = '{"question":"how much?"}';

const reasons: Readonly<Record<string, RefusalReason>> = {
  'quota-exceeded': 'rate_limited',
  'abnormal-usage-detected': 'circuit_open',
  'temporary-reduced-capacity': 'table_full',
};

/** What a problem document says, if it is one. */
function seenOf(code: number, contentType: string | undefined, body: string): Seen {
  if (!contentType?.includes('problem')) return { code };
  if (contentType !== 'application/problem+json') throw new Error(`the type of the body is ${contentType}`);
  const problem = JSON.parse(body) as { type: string; status: number; retryAfterMs: number | null };
  if (problem.status !== code) throw new Error(`the body says ${problem.status}, the status is ${code}`);
  const reason = reasons[problem.type.split('#')[1] ?? ''];
  return { code, ...(reason && { reason, retryAfterMs: problem.retryAfterMs }) };
}

/** The rig of a framework over Node's HTTP server. Its peers are named by a header. */
export function httpRig(
  name: string,
  start: Start,
  make: AdapterRig['make'],
  peerOf: (request: never) => unknown,
  more: Partial<AdapterRig> = {},
): AdapterRig {
  return {
    name,
    entry: 'http',
    codes,
    make,
    async serve(guard, options): Promise<Served> {
      const methods = new Methods();
      const server = await start(guard, { peer: peerOf, ...options }, methods);
      const agent = new Agent({ keepAlive: true });
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const post = (method: string, as: string, signal: AbortSignal | null = null) =>
        fetch(`${url}/${method}`, {
          method: 'POST',
          headers: { 'x-peer': as, 'content-type': 'application/json' },
          body: QUESTION,
          signal,
        });
      return {
        call: (method, as) => asked(agent, `${url}/${method}`, as),
        async cancel(as) {
          const controller = new AbortController();
          const reached = once(methods, 'hang');
          const call = post('hang', as, controller.signal).catch(() => {});
          await reached;
          controller.abort();
          await call;
        },
        stream: (as) => opened(post('stream', as), methods),
        handled: () => methods.handled,
        parsed: () => methods.parsed,
        async stop() {
          agent.destroy();
          server.closeAllConnections();
          if (server.listening) await new Promise((resolve) => server.close(resolve));
        },
      };
    },
    ...more,
  };
}

/** By Node's own client, which is three times as fast as its `fetch`. */
function asked(agent: Agent, url: string, as: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-peer': as, 'content-type': 'application/json', 'content-length': QUESTION.length };
    const request = httpRequest(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        try {
          resolve(seenOf(response.statusCode ?? 0, response.headers['content-type'], text));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on('error', reject);
    request.end(QUESTION);
  });
}

/** The first message has come when this resolves. */
async function opened(response: Promise<Response>, methods: Methods): Promise<OpenStream> {
  const reader = (await response).body?.getReader();
  await reader?.read();
  const finish = async (fails: boolean) => {
    methods.emit('finish', fails);
    try {
      while (!(await reader?.read())?.done);
    } catch {
      // A stream that fails is cut off.
    }
  };
  return { end: () => finish(false), fail: () => finish(true) };
}

/** Listens on a free port. */
export async function listening(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** The text of a body, read as a framework would. */
export async function bodyOf(request: IncomingMessage, methods: Methods): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += chunk;
  methods.parsed++;
  return JSON.parse(text);
}

/** Writes a stream to Node's response, and cuts it off where it fails. */
export async function send(messages: AsyncGenerator<string>, response: ServerResponse): Promise<void> {
  try {
    for await (const message of messages) response.write(message);
    response.end();
  } catch (error) {
    response.destroy(error as Error);
  }
}
