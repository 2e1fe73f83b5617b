// A client process: plays one role against the server until it is told to stop, and counts what it sees.

import { constants, setPriority } from 'node:os';
import { WebSocket } from 'ws';
import { isAnswer, isRejection, Line } from './line.js';
import {
  type ClientCounts,
  FAILING,
  FLOODER,
  type FromClient,
  HONEST,
  type Plan,
  RENAMER,
  type Role,
  type Sample,
  THREAD_HEADER,
  type ToClient,
} from './plan.js';

const [role, urls, plan] = process.argv.slice(2, 5).map((arg, i) => (i === 0 ? arg : JSON.parse(arg))) as [
  Role,
  readonly string[],
  Plan,
];
const COUNT_EVERY_MS = 500;
/** How long peers wait for an answer that will come, however busy the machine is. */
const PATIENCE_MS = 60_000;
/** Without a limiter a backlog of the flooder's goes before it. */
const UNPROTECTED_PATIENCE_MS = 2000;
/** A flooder that lets more than this wait in its own memory gains nothing. */
const MOST_BUFFERED_BYTES = 2 ** 18;
const FRAMES_A_TURN = 500;
/** The system decides which thread a connection comes to, so it may take several to find the one that is wanted. */
const MOST_TRIES = 100;

const samples: Sample[] = [];
const counts = new Map<string, { sent: number; answered: number; rejected: number }>();
let stopped = false;
let stop: () => void;
const stopping = new Promise<void>((resolve) => {
  stop = resolve;
});
let begin: () => void;
const beginning = new Promise<void>((resolve) => {
  begin = resolve;
});

function countsOf(peer: string): { sent: number; answered: number; rejected: number } {
  const known = counts.get(peer) ?? { sent: 0, answered: 0, rejected: 0 };
  counts.set(peer, known);
  return known;
}

/** The time of day, as finely as it can be read. */
const today = () => performance.timeOrigin + performance.now();

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A steady pace below the limit, from node to node, never faster: a request that came late does not make the next one come early. It goes on
 * while answers are outstanding, up to `honestInFlight` of them.
 */
async function honest(peer: string, index: number): Promise<void> {
  const lines = await Promise.all(urls.map((url) => Line.to(`${url}/${peer}`)));
  const count = countsOf(peer);
  const everyMs = 1000 / plan.honestPerSec;
  const pending = new Set<Promise<void>>();
  const request = async (dueAtMs: number) => {
    const line = lines[(index + count.sent++) % lines.length] as Line;
    const answer = await line.ask('work', {});
    if (answer !== undefined) count.answered++;
    const rejected = answer !== undefined && isRejection(answer);
    if (rejected) count.rejected++;
    samples.push({ peer, dueAtMs, latencyMs: answer === undefined ? null : today() - dueAtMs, rejected });
  };
  await pause((everyMs * index) / HONEST.length);
  while (!stopped) {
    const dueAtMs = today();
    while (pending.size >= plan.honestInFlight && !stopped) await Promise.race([...pending, stopping]);
    if (stopped) break;
    const one: Promise<void> = request(dueAtMs).then(() => void pending.delete(one));
    pending.add(one);
    await Promise.race([pause(everyMs), stopping]);
  }
  await Promise.race([Promise.all(pending), pause(plan.isProtected ? PATIENCE_MS : UNPROTECTED_PATIENCE_MS)]);
  for (const line of lines) line.close();
  await Promise.all(pending);
}

/** As fast as the sockets take it. */
async function flooder(): Promise<void> {
  // It stands for another machine, whose work would not take the server's processor.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  await Promise.all(Array.from({ length: plan.floods }, (_, i) => flood(i % plan.workers, urls[i % urls.length])));
}

/** One connection at a time, with a thread of its choice. */
async function flood(wanted: number, url = ''): Promise<void> {
  let tries = 0;
  const count = countsOf(FLOODER);
  const frame = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"work","params":{}}`;
  while (!stopped) {
    const socket = new WebSocket(`${url}/${FLOODER}`, { perMessageDeflate: false });
    socket.on('error', () => {});
    socket.on('message', (data) => {
      const answer = JSON.parse(String(data));
      if (!isAnswer(answer)) return;
      count.answered++;
      if (isRejection(answer)) count.rejected++;
    });
    let thread = wanted;
    socket.once('upgrade', ({ headers }) => {
      thread = Number(headers[THREAD_HEADER]);
    });
    await new Promise((resolve) => socket.once('open', resolve).once('close', resolve));
    if (thread !== wanted && tries++ < MOST_TRIES) {
      socket.terminate();
      continue;
    }
    for (let id = 0; !stopped && socket.readyState === WebSocket.OPEN; ) {
      for (let i = 1; i < FRAMES_A_TURN; i++) socket.send(frame(id++));
      // Waiting for a socket that is full costs nothing; asking it again and again would cost the others a core.
      const taken = new Promise((resolve) => socket.send(frame(id++), resolve));
      count.sent += FRAMES_A_TURN;
      const isFull = socket.bufferedAmount > MOST_BUFFERED_BYTES;
      await (isFull ? Promise.race([taken, stopping]) : new Promise((resolve) => setImmediate(resolve)));
    }
    socket.terminate();
  }
}

/** Fails until it is rejected, waits as long as the rejection says, and behaves from then on. */
async function failing(): Promise<void> {
  const line = await Line.to(`${urls[0]}/${FAILING}`);
  const count = countsOf(FAILING);
  let fail = true;
  while (!stopped) {
    count.sent++;
    const asked = performance.now();
    const answer = await Promise.race([line.ask('work', { fail }), stopping.then(() => undefined)]);
    if (answer === undefined) break;
    count.answered++;
    if (isRejection(answer)) {
      count.rejected++;
      fail = false;
      await Promise.race([pause(answer.error.data.retryAfterMs ?? 0), stopping]);
    }
    await pause(Math.max(0, asked + 1000 / plan.failingPerSec - performance.now()));
  }
  line.close();
}

/** A new name for every request. */
async function renamer(): Promise<void> {
  const count = countsOf(RENAMER);
  for (let name = 0; !stopped; name++) {
    const started = performance.now();
    const line = await Line.to(`${urls[0]}/${RENAMER}-${name}`);
    count.sent++;
    const answer = await Promise.race([line.ask('work', {}), stopping.then(() => undefined)]);
    line.close();
    if (answer) {
      count.answered++;
      if (isRejection(answer)) count.rejected++;
    }
    await pause(Math.max(0, started + 1000 / plan.renamesPerSec - performance.now()));
  }
}

const ROLES: Record<Role, () => Promise<unknown>> = {
  honest: () => Promise.all(HONEST.map(honest)),
  flooder,
  failing,
  renamer,
};

const listed = (): ClientCounts[] => [...counts].map(([peer, count]) => ({ peer, ...count }));
const tell = (message: FromClient) => process.send?.(message);

process.on('message', ({ ask }: ToClient) => {
  if (ask === 'begin') {
    begin();
  } else {
    stopped = true;
    stop();
  }
});
process.on('disconnect', () => process.exit());

setInterval(() => tell({ counts: listed() }), COUNT_EVERY_MS).unref();
tell({ ready: true });
await beginning;
await ROLES[role]();
tell({ done: { counts: listed(), samples } });
