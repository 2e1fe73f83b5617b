// One connection: a frame's way through it, and its end.
//
//   frame → size → one check ──rejected──→ strike, few answers (rejections.ts)
//                    │ permit
//                    ↓
//                  queue → its turn (turns.ts) → parse, pay for a batch, run (dispatcher.ts) → answer (outlet.ts)
//
// Reading stops (reading.ts) while it is rejected too often, while something waits or too much is being worked on, while it
// does not take its answers. What a socket still delivers then is small, and it is checked, dropped or queued like everything
// else.

import { type Decision, isAllowed, type Peer } from '../../index.js';
import { Dispatcher, type Shared } from './dispatcher.js';
import { INVALID_REQUEST } from './message.js';
import { Outlet } from './outlet.js';
import { BUSY, CLOGGED, Reading } from './reading.js';
import { Rejections } from './rejections.js';
import { type FrameData, frameBytes, type MessageSocket, OPEN } from './socket.js';
import { type JsonRpcStats, newStats } from './stats.js';
import { openOr, tell } from './tell.js';
import { unref } from './timers.js';

/** WebSocket close codes. */
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;

/** How long an expelled client may take for the closing handshake. */
const EXPULSION_GRACE_MS = 1000;
/** What waits in the queue beside its bytes. */
const QUEUED_OVERHEAD_BYTES = 128;
/** What a socket delivers after `pause` is one read, 64 KiB, and the frame it lies in; only compression makes more of it. */
const LEAST_QUEUE_BYTES = 2 ** 20;

/** A guarded connection. */
export interface JsonRpcConnection {
  /** The peer's handle. It is released when the connection ends. */
  readonly peer: Peer;
  /** Whether frames are still taken in. */
  readonly isOpen: boolean;
  /** Requests and notifications whose answers are not out yet. */
  readonly inFlight: number;
  /** Its counters so far, a copy. */
  stats(): JsonRpcStats;
  /**
   * Ends it from this side: what is running is told by its signal, and none of it counts against the peer. A `socket.close()`
   * of your own would be taken for the client's.
   */
  close(code?: number, reason?: string): void;
}

interface Waiting {
  readonly data: FrameData;
  readonly bytes: number;
  readonly permit: Decision;
}

export class Connection<ServerParams> implements JsonRpcConnection {
  readonly peer: Peer;
  readonly #shared: Shared<ServerParams>;
  readonly #socket: MessageSocket;
  readonly #clock: () => number;
  readonly #onEnd: (connection: Connection<ServerParams>) => void;
  readonly #stats = newStats();
  readonly #reading: Reading;
  readonly #rejections: Rejections;
  readonly #dispatcher: Dispatcher<ServerParams>;
  readonly #outlet: Outlet;
  readonly #queue: Waiting[] = [];
  #queuedBytes = 0;
  #isOpen = true;
  #isGone = false;
  #expulsion: ReturnType<typeof setTimeout> | undefined;

  constructor(
    shared: Shared<ServerParams>,
    socket: MessageSocket,
    peer: Peer,
    onEnd: (connection: Connection<ServerParams>) => void,
  ) {
    this.peer = peer;
    this.#shared = shared;
    this.#socket = socket;
    this.#clock = shared.guard.limiter.config.clock;
    this.#onEnd = onEnd;
    this.#reading = new Reading(socket);
    const send = (text: string) => this.#send(text);
    this.#rejections = new Rejections(shared.guard, this.#reading, this.#stats, shared.settings, {
      send,
      struckOut: () => this.#expel('Too many rejected requests'),
    });
    this.#dispatcher = new Dispatcher(shared, peer, this.#stats, {
      send,
      refuse: (decision, members) => {
        this.#stats.admitted--;
        this.#rejections.refuse(decision, members);
      },
      done: () => this.#proceed(),
    });
    this.#outlet = new Outlet(socket, this.#reading, shared.settings, {
      clogged: () => this.#stats.stalls++,
      cleared: () => this.#proceed(),
      lost: () => this.#drop(),
    });
    socket.on('message', (data) => this.#receive(data));
    socket.on('close', () => this.#closed());
    // A socket whose error nobody listens to takes the process down; `close` follows.
    socket.on('error', () => {});
    if (socket.readyState > OPEN) this.#closed();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get inFlight(): number {
    return this.#dispatcher.inFlight;
  }

  stats(): JsonRpcStats {
    return { ...this.#stats };
  }

  close(code = GOING_AWAY, reason = ''): void {
    if (!this.#isOpen) return;
    this.#end(false);
    this.#depart();
    // The client's half of the closing handshake has to be read.
    this.#socket.resume();
    this.#socket.close(code, reason);
  }

  #receive(data: FrameData): void {
    if (!this.#isOpen || this.#socket.readyState !== OPEN) return;
    const { guard, settings } = this.#shared;
    this.#stats.received++;
    const bytes = frameBytes(data, settings.maxFrameBytes);
    const isTooLarge = bytes > settings.maxFrameBytes;
    // One reading of the clock serves the check and, where it rejects, all that follows: it costs more than the check.
    const nowMs = this.#clock();
    const decision = openOr(undefined, () => guard.admit(this.peer, 1, nowMs));
    if (decision === undefined || !isAllowed(decision)) {
      this.#rejections.reject(decision, isTooLarge ? undefined : data, nowMs);
      return;
    }
    this.#stats.admitted++;
    this.#rejections.admitted(nowMs);
    if (isTooLarge) {
      this.#dispatcher.fail(decision, { ...INVALID_REQUEST, data: { maxFrameBytes: settings.maxFrameBytes } });
    } else {
      this.#enqueue({ data, bytes: bytes + QUEUED_OVERHEAD_BYTES, permit: decision });
      this.#proceed();
    }
  }

  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#queuedBytes += waiting.bytes;
    if (this.#queuedBytes > LEAST_QUEUE_BYTES + 4 * this.#shared.settings.maxFrameBytes) {
      this.#expel('Too many requests waiting');
    }
  }

  /** Begins what waits, as far as that is nobody else's turn. */
  #proceed(): void {
    const { turns } = this.#shared;
    while (this.#canBegin() && turns.isFree) {
      turns.begin();
      this.#begin();
    }
    this.#arrange();
  }

  readonly #takeTurn = (): void => {
    if (this.#canBegin()) this.#begin();
    this.#arrange();
  };

  /** A batch may overshoot, by itself: once it has begun there is room for all of it. */
  #canBegin(): boolean {
    return this.#dispatcher.isMidBatch || (this.#queue.length > 0 && !this.#isFull());
  }

  /** One piece of what waits: a member of the batch that is under way, or else a frame. */
  #begin(): void {
    if (this.#dispatcher.isMidBatch) {
      this.#dispatcher.next();
      return;
    }
    const next = this.#queue.shift();
    if (next === undefined) return;
    this.#queuedBytes -= next.bytes;
    this.#dispatcher.dispatch(next.data, next.permit);
  }

  /** Sees to its next turn, and to whether it is read until then. */
  #arrange(): void {
    const canBegin = this.#canBegin();
    if (canBegin) this.#shared.turns.join(this.#takeTurn);
    if (!this.#isOpen) {
      if (!canBegin) this.#depart();
    } else if (!canBegin && this.#queue.length === 0 && !this.#isBusy()) {
      this.#reading.release(BUSY);
    } else if (!this.#reading.isHeld(BUSY)) {
      this.#stats.stalls++;
      this.#reading.hold(BUSY);
    }
  }

  #isBusy(): boolean {
    return this.#dispatcher.inFlight >= this.#shared.settings.maxInFlight;
  }

  #isFull(): boolean {
    return this.#isBusy() || this.#reading.isHeld(CLOGGED);
  }

  #send(text: string): void {
    if (!this.#isOpen || this.#socket.readyState !== OPEN) return;
    try {
      this.#outlet.send(text);
    } catch {
      // A socket that cannot send has lost its client.
      this.#drop();
    }
  }

  /** The socket is gone. What it brought before and waits for its turn gets it; nobody waits for the answers. */
  #closed(): void {
    clearTimeout(this.#expulsion);
    if (!this.#isOpen) return;
    this.#end(true);
    this.#arrange();
  }

  /** Closes it for what the client did. It is not read while it says goodbye: it may have much left to say. */
  #expel(reason: string): void {
    if (!this.#isOpen) return;
    this.#end(true);
    this.#depart();
    this.#socket.pause();
    this.#socket.close(POLICY_VIOLATION, reason);
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
    this.#dispatcher.close(isFailure);
  }

  /** Nothing is begun any more, and the peer is let go. */
  #depart(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#shared.turns.leave(this.#takeTurn);
    // What was let in and never begun gives back the probe that it may hold.
    this.#dispatcher.abandon();
    for (const { permit } of this.#queue.splice(0)) tell(this.peer, 'ignored', permit);
    this.peer.release();
    this.#onEnd(this);
  }
}
