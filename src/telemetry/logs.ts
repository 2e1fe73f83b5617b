// What a limiter logs: rejections as warnings, circuits as information, counts of the busiest peers when debugging. Lines are
// objects with a message, in the order of pino.

import {
  ClosedError,
  type Decision,
  type LimiterEvent,
  type PeerId,
  type RateLimiter,
  reasonOf,
  retryAfterMs,
} from '../index.js';
import { Book, Group, Lines } from './lines.js';
import { textOf } from './spans.js';

type Write = (fields: object, message: string) => void;

/** What is used of a logger: pino, or anything that takes the fields first. */
export interface TelemetryLogger {
  warn: Write;
  info: Write;
  debug: Write;
  isLevelEnabled?(level: string): boolean;
}

export interface LogOptions {
  readonly logEveryMs: number;
  readonly topK: number;
}

const TICK_MS = 100;
// Of the ten lines in a second, as many are left to what matters more.
const REJECTIONS_LEAVE = 2;
const CIRCUITS_LEAVE = 1;
const DEBUGGING_LEAVES = 5;

export class Logs {
  readonly #limiter: RateLimiter;
  readonly #logger: TelemetryLogger;
  readonly #options: LogOptions;
  readonly #lines: Lines;
  readonly #rejections: Readonly<Record<'rate_limited' | 'circuit_open' | 'table_full', Book<Decision>>>;
  readonly #circuits = new Map<string, Book<LimiterEvent>>();
  readonly #circuitGroup: Group;
  readonly #tableFull: Book<LimiterEvent>;
  readonly #fleetFault: Book<LimiterEvent>;
  #timer: ReturnType<typeof setInterval> | undefined;
  #debuggedAt: number;
  /** Peers whose line waits for room. */
  #debugging: object[] = [];

  constructor(limiter: RateLimiter, logger: TelemetryLogger, options: LogOptions) {
    this.#limiter = limiter;
    this.#logger = logger;
    this.#options = options;
    this.#lines = new Lines(options.logEveryMs, limiter.config.clock);
    this.#debuggedAt = limiter.config.clock();
    const rejected = (fields: object) => logger.warn({ event: 'peergate.rejected', ...fields }, 'request rejected');
    const rejectedGroup = new Group((suppressed) => rejected({ reason: 'several', suppressed }), REJECTIONS_LEAVE);
    const bookOf = (reason: string, kind: number) =>
      new Book<Decision>(
        {
          write: (decision, suppressed, peer) =>
            rejected({ peer, reason, retryAfterMs: retryAfterMs(decision), suppressed }),
          flush: (peer, suppressed) => rejected({ peer, reason, suppressed }),
        },
        rejectedGroup,
        kind,
      );
    this.#rejections = {
      rate_limited: bookOf('rate_limited', 0),
      circuit_open: bookOf('circuit_open', 1),
      table_full: bookOf('table_full', 2),
    };
    this.#circuitGroup = new Group((suppressed) => this.#circuit({ suppressed }), CIRCUITS_LEAVE);
    this.#tableFull = this.#statesBook('peergate.table_full', 'the table is full', () => ({
      size: limiter.config.maxPeers,
      reclaimed: limiter.stats().reclaimed,
    }));
    this.#fleetFault = this.#statesBook(
      'peergate.fleet_fault',
      'so many circuits trip that the fault is probably ours',
      () => ({
        failureRate: limiter.fleet().failureRate,
        heldBack: limiter.stats().heldBack,
      }),
    );
  }

  /** From now on lines that are due later are written. The timer keeps no process alive. */
  begin(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    (this.#timer as { unref?(): void }).unref?.();
  }

  rejected(peer: PeerId, decision: Decision, time: number, row: number): void {
    const reason = reasonOf(decision);
    const { rate_limited, circuit_open, table_full } = this.#rejections;
    const book = reason === 'rate_limited' ? rate_limited : reason === 'circuit_open' ? circuit_open : table_full;
    if (!this.#lines.leaveOut(book, row, time)) this.#lines.tell(book, textOf(peer), decision, row);
  }

  /** All but rejections. */
  tell(event: LimiterEvent): void {
    const { kind, peer, to } = event;
    if (kind === 'circuit') this.#lines.tell(this.#circuitBook(to ?? ''), textOf(peer ?? ''), event);
    else if (kind === 'table_full') this.#lines.tell(this.#tableFull, '', event);
    else if (kind === 'held_back') this.#lines.tell(this.#fleetFault, '', event);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#lines.close();
  }

  #circuit(fields: object): void {
    this.#logger.info({ event: 'peergate.circuit', ...fields }, 'circuit changed');
  }

  /** A circuit that goes from state to state has a line for each state; one that does it again and again has no more. */
  #circuitBook(to: string): Book<LimiterEvent> {
    let book = this.#circuits.get(to);
    if (book === undefined) {
      const nameOf = (peer: string) => (peer === '' ? {} : { peer });
      book = new Book<LimiterEvent>(
        {
          write: ({ peer = '', from, failures }, suppressed) =>
            this.#circuit({ ...nameOf(textOf(peer)), from, to, failures, suppressed }),
          flush: (peer, suppressed) => this.#circuit({ ...nameOf(peer), to, suppressed }),
        },
        this.#circuitGroup,
      );
      this.#circuits.set(to, book);
    }
    return book;
  }

  /** A book of one key, for what is true of the whole limiter. */
  #statesBook(name: string, message: string, fields: () => object): Book<LimiterEvent> {
    const warn = (more: object) => this.#logger.warn({ event: name, ...more }, message);
    return new Book<LimiterEvent>(
      {
        write: (_, suppressed) => warn({ ...fields(), suppressed }),
        // What holds for the whole limiter is told as it is now, however late the line comes.
        flush: (_, suppressed) => warn({ ...openOr({}, fields), suppressed }),
      },
      new Group((suppressed) => warn({ suppressed })),
    );
  }

  #tick(): void {
    this.#lines.tick();
    if (this.#logger.isLevelEnabled?.('debug')) this.#debug(this.#limiter.config.clock());
  }

  #debug(now: number): void {
    if (now - this.#debuggedAt >= this.#options.logEveryMs) {
      this.#debuggedAt = now;
      this.#debugging = this.#busiest();
    }
    while (this.#debugging.length > 0 && this.#lines.mayWrite(DEBUGGING_LEAVES)) {
      this.#logger.debug({ event: 'peergate.peer', ...this.#debugging.shift() }, 'peer');
    }
  }

  #busiest(): object[] {
    const peers = openOr([], () => this.#limiter.top(this.#options.topK, 'rateLimited'));
    return peers.map(({ id, ...counts }) => ({ peer: textOf(id), ...counts }));
  }
}

/** What a closed limiter cannot say any more is `otherwise`. */
function openOr<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ClosedError) return otherwise;
    throw error;
  }
}
