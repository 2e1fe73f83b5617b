// One connection: a frame's way through it, and its end.
//
//   frame → size → one check ──rejected──→ strike, few answers (rejections.ts)
//                    │ permit
//                    ├── nobody waits and there is room ──→ begun at once
//                    ↓
//                  its turn (agenda.ts, turns.ts) → begun
//
//   begun: the protocol's session works on it (session.ts), under the guard (work.ts), and it is answered (outlet.ts)
//
// Reading stops (reading.ts) while it is rejected too often, while something waits or too much is being worked on, while it
// does not take its answers. What a socket still delivers then is small, and it is checked, dropped or queued like everything
// else.

import {
  ClosedError,
  type Decision,
  isAllowed,
  type Outcome,
  type Peer,
  type RejectionCounts,
  type RpcGuard,
  type RpcPeer,
} from '../index.js';
import { Agenda } from './agenda.js';
import { Answering } from './answering.js';
import type { Paid } from './batch.js';
import type { Deadlines } from './deadlines.js';
import { InFlight } from './in-flight.js';
import type { FlowSettings } from './options.js';
import { Outlet } from './outlet.js';
import { BatchProbe } from './probe.js';
import { Reading } from './reading.js';
import { Rejections } from './rejections.js';
import type { Handler, Link, Protocol, Session, TakeAnswers, Verdict } from './session.js';
import { type FrameData, frameBytes, type Message, type MessageSocket, OPEN } from './socket.js';
import { type FlowStats, newStats } from './stats.js';
import { openOr, tell } from './tell.js';
import { unref } from './timers.js';
import type { Turns } from './turns.js';
import type { Work } from './work.js';

/** WebSocket close codes. */
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;

/** How long an expelled client may take for the closing handshake. */
const EXPULSION_GRACE_MS = 1000;

/** A guarded connection. */
export interface FlowConnection {
  /** The peer's handle. It is released when the connection ends. */
  readonly peer: Peer;
  /** Whether frames are still taken in. */
  readonly isOpen: boolean;
  /** Requests and notifications whose answers are not out yet. */
  readonly inFlight: number;
  /** Its counters so far, a copy. */
  stats(): FlowStats;
  /**
   * Ends it from this side: what is running is told by its signal, and none of it counts against the peer. A `socket.close()`
   * of your own would be taken for the client's.
   */
  close(code?: number, reason?: string): void;
}

/** What all connections of a gate share. */
export interface Shared {
  readonly guard: RpcGuard;
  readonly protocol: Protocol;
  readonly settings: FlowSettings;
  readonly turns: Turns;
  readonly deadlines: Deadlines;
  readonly rejections: RejectionCounts;
}

export class Connection implements FlowConnection, Link {
  readonly guard: RpcGuard;
  readonly peer: Peer;
  readonly counters = newStats();
  readonly maxFrameBytes: number;
  readonly #socket: MessageSocket;
  readonly #clock: () => number;
  readonly #onEnd: (connection: Connection) => void;
  readonly #session: Session;
  readonly #reading: Reading;
  readonly #rejections: Rejections;
  readonly #work: InFlight;
  readonly #outlet: Outlet;
  readonly #agenda: Agenda;
  #isOpen = true;
  #isGone = false;
  #expulsion: ReturnType<typeof setTimeout> | undefined;

  constructor(shared: Shared, socket: MessageSocket, peer: Peer, onEnd: (connection: Connection) => void) {
    const { guard, settings } = shared;
    this.guard = guard;
    this.peer = peer;
    this.maxFrameBytes = settings.maxFrameBytes;
    this.#socket = socket;
    this.#clock = guard.limiter.config.clock;
    this.#onEnd = onEnd;
    this.#reading = new Reading(socket);
    this.#work = new InFlight(this, shared.deadlines);
    this.#session = shared.protocol(this);
    this.#agenda = new Agenda(shared.turns, this.#clock, this.#reading, settings, {
      begin: (frame, permit) => this.#begin(frame, permit),
      next: () => this.#next(),
      hasMore: () => this.#session.hasMore ?? false,
      inFlight: () => this.#work.count,
      isOpen: () => this.#isOpen,
      stalled: () => this.counters.stalls++,
      overrun: () => this.#expel(POLICY_VIOLATION, 'Too many requests waiting'),
      finished: () => this.#depart(),
    });
    const struckOut = () => this.#expel(POLICY_VIOLATION, 'Too many rejected requests');
    const send = (message: Message) => this.send(message);
    this.#rejections = new Rejections(
      guard,
      shared.rejections,
      this.#reading,
      this.counters,
      settings,
      { send, struckOut },
      this.#session,
    );
    this.#outlet = new Outlet(socket, this.#reading, settings, {
      clogged: () => this.counters.stalls++,
      cleared: () => this.#agenda.proceed(),
      lost: () => this.#drop(),
    });
    socket.on('message', (frame) => this.#receive(frame));
    socket.on('close', () => this.#closed());
    // A socket whose error nobody listens to takes the process down; `close` follows.
    socket.on('error', () => {});
    if (socket.readyState > OPEN) this.#closed();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get inFlight(): number {
    return this.#work.count;
  }

  stats(): FlowStats {
    return { ...this.counters };
  }

  close(code = GOING_AWAY, reason = ''): void {
    if (!this.#isOpen) return;
    this.#end(false);
    this.#depart();
    // The client's half of the closing handshake has to be read.
    this.#socket.resume();
    this.#socket.close(code, reason);
  }

  // ── what the protocol asks for ───────────────────────────────────────────────────────────────────────────────────

  send(message: Message): void {
    if (!this.#isOpen || this.#socket.readyState !== OPEN) return;
    try {
      this.#outlet.send(message);
    } catch {
      // A socket that cannot send has lost its client.
      this.#drop();
    }
  }

  pay(
    permit: Decision,
    members: number,
    answer: (verdict: Verdict, takeAnswers: TakeAnswers) => Message | undefined,
  ): Paid | undefined {
    if (members === 1) return { permit, witness: this.peer };
    // The frame may hold the only probe of a half-open circuit, and the payment for the members would be rejected for it, each
    // time anew. So the probe goes back first, and the payment takes it again for all members together.
    const wasProbe = this.settle(permit, 'ignored');
    const paid = openOr(undefined, () => this.guard.admit(this.peer, members - 1));
    if (paid === undefined || !isAllowed(paid)) {
      this.counters.admitted--;
      this.#rejections.refuse(paid, (takeAnswers) => answer(paid, takeAnswers));
      return undefined;
    }
    // While the frame waited for its turn the circuit may have opened, and the payment may be its first probe.
    const isProbe = wasProbe || paid !== permit;
    return { permit: paid, witness: isProbe ? new BatchProbe(this.peer, members) : this.peer };
  }

  settle(permit: Decision, outcome: Outcome, peer: RpcPeer = this.peer, durationMs?: number): boolean {
    return tell(this.guard, peer, outcome, permit, durationMs);
  }

  fail(permit: Decision, answer?: Message, peer?: RpcPeer): void {
    this.counters.invalid++;
    this.settle(permit, 'failure', peer);
    if (answer !== undefined) this.send(answer);
  }

  run(work: Work<unknown>): void {
    this.#work.run(work);
  }

  serve(permit: Decision, handler: Handler, failed?: (error: unknown) => Message | undefined): void {
    this.run(new Answering(permit, handler, failed));
  }

  done(count: number): void {
    this.#work.count -= count;
    this.#agenda.proceed();
  }

  /** The protocol threw, which may be a peer's doing: it must not end the process. */
  fault(): void {
    this.#expel(INTERNAL_ERROR, 'Internal error');
  }

  // ── a frame's way ────────────────────────────────────────────────────────────────────────────────────────────────

  #receive(frame: FrameData): void {
    if (!this.#isOpen || this.#socket.readyState !== OPEN) return;
    const { maxFrameBytes } = this;
    this.counters.received++;
    const bytes = frameBytes(frame, maxFrameBytes);
    // One reading of the clock serves the check, the turn and, where the check rejects, all that follows.
    const nowMs = this.#clock();
    const verdict = this.#admit(nowMs);
    if (verdict === undefined || !isAllowed(verdict)) {
      this.#rejections.reject(verdict, bytes > maxFrameBytes ? undefined : frame, nowMs);
      return;
    }
    this.counters.admitted++;
    this.#rejections.admitted(nowMs);
    if (bytes > maxFrameBytes) {
      this.fail(verdict, this.#session.tooLarge?.());
    } else {
      this.#agenda.take(frame, bytes, verdict, nowMs);
    }
  }

  #admit(nowMs: number): Verdict {
    try {
      return this.guard.admit(this.peer, 1, nowMs);
    } catch (error) {
      if (error instanceof ClosedError) return undefined;
      throw error;
    }
  }

  #begin(frame: FrameData, permit: Decision): void {
    try {
      this.#session.begin(frame, permit);
    } catch {
      this.settle(permit, 'failure');
      this.fault();
    }
  }

  #next(): void {
    try {
      this.#session.next?.();
    } catch {
      this.fault();
    }
  }

  // ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The socket is gone. What it brought before and waits for its turn gets it; nobody waits for the answers. */
  #closed(): void {
    clearTimeout(this.#expulsion);
    if (!this.#isOpen) return;
    this.#end(true);
    this.#agenda.proceed();
  }

  /** Closes it for what the client did. It is not read while it says goodbye: it may have much left to say. */
  #expel(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.#end(true);
    this.#depart();
    this.#socket.pause();
    this.#socket.close(code, reason);
    this.#expulsion = setTimeout(() => this.#socket.terminate(), EXPULSION_GRACE_MS);
    unref(this.#expulsion);
  }

  /** Drops it, and with it the answers that were not taken. */
  #drop(): void {
    if (!this.#isOpen) return;
    this.#end(true);
    this.#depart();
    this.#socket.terminate();
  }

  /** Nothing is taken in and nothing answered any more. */
  #end(isFailure: boolean): void {
    this.#isOpen = false;
    this.#rejections.close();
    this.#outlet.close();
    this.#work.end(isFailure);
  }

  /** Nothing is begun any more, and the peer is let go. */
  #depart(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    // What was let in and never begun gives back the probe that it may hold.
    this.#session.abandon?.();
    for (const { permit } of this.#agenda.close()) this.settle(permit, 'ignored');
    this.peer.release();
    this.#onEnd(this);
  }
}
