// A server with one thread and one queue, first come, first served, as an event loop is one: a request waits for its turn before
// the limiter is asked, so a rejection is late as well, and costs a little. Clients give up after a while, but the server does not
// know, and works on what nobody waits for.

/** What a rejection costs, as a part of a request. */
const REJECTION = 0.01;

/** The period of a timer that measures how late the loop is, as Node's `monitorEventLoopDelay` does: it waits its turn, too. */
const SAMPLE_MS = 10;

/** Asks the limiter about a client's request at that time. */
export type Decide = (client: number, nowMs: number) => boolean;
/** Tells that a client's request was answered, and whether it was still waiting. */
export type Answered = (client: number, nowMs: number, isInTime: boolean) => void;

export class QueueServer {
  readonly #serviceMs: number;
  readonly #patienceMs: number;
  readonly #arrivals: number[] = [];
  readonly #clients: number[] = [];
  #head = 0;
  #freeAt = 0;
  #sampleAt = SAMPLE_MS;
  #late = 0;
  #samples = 0;

  constructor(perSec: number, patienceMs: number) {
    this.#serviceMs = 1_000 / perSec;
    this.#patienceMs = patienceMs;
  }

  arrive(nowMs: number, client: number): void {
    this.#arrivals.push(nowMs);
    this.#clients.push(client);
  }

  /** Works until then on what has arrived before. */
  workUntil(untilMs: number, decide: Decide, answered: Answered): void {
    while (true) {
      const arrived = this.#arrivals[this.#head] ?? Number.POSITIVE_INFINITY;
      const begin = Math.max(this.#freeAt, Math.min(arrived, this.#sampleAt));
      if (begin >= untilMs) return;
      if (this.#sampleAt <= arrived) {
        this.#late += begin - this.#sampleAt;
        this.#samples++;
        this.#sampleAt = begin + SAMPLE_MS;
        continue;
      }
      const client = this.#clients[this.#head++] as number;
      if (!decide(client, begin)) {
        this.#freeAt = begin + this.#serviceMs * REJECTION;
        continue;
      }
      this.#freeAt = begin + this.#serviceMs;
      answered(client, this.#freeAt, this.#freeAt - arrived <= this.#patienceMs);
    }
  }

  /** How long the oldest request has waited that is still waiting; 0 where none is. */
  oldestMs(nowMs: number): number {
    const arrived = this.#arrivals[this.#head];
    return arrived === undefined ? 0 : nowMs - arrived;
  }

  /** How late the timer was since the last reading, on average. NaN where it has not had its turn. */
  timerDelayMs(): number {
    const mean = this.#late / this.#samples;
    this.#late = 0;
    this.#samples = 0;
    return mean;
  }
}
