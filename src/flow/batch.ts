// A frame of several members that is paid for. They are begun one by one, with others' turns between them, and answered together.

import type { Decision, RpcPeer } from '../index.js';
import type { Link } from './session.js';
import { textBytes } from './socket.js';

/** The answer has no room beside those that are there already. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`the answers to a batch exceed ${maxBytes} bytes together`);
    this.maxBytes = maxBytes;
  }
}

/** Under which permit members run, and who hears how they went. */
export interface Paid {
  readonly permit: Decision;
  readonly witness: RpcPeer;
}

export type JoinAnswers = (answers: readonly (string | null)[]) => string | null;

export class Batch {
  readonly permit: Decision;
  /** Hears how the members went. */
  readonly peer: RpcPeer;
  readonly #link: Link;
  readonly #members: readonly unknown[];
  readonly #answers: (string | null)[] = [];
  readonly #maxBytes: number;
  readonly #join: JoinAnswers;
  /** The answers that have room, and their code units, as long as their bytes need not be counted. */
  readonly #texts: string[] = [];
  #units = 0;
  /** Their bytes, once they are counted. */
  #bytes: number | undefined = undefined;
  #begun = 0;
  #end: number;
  /** Members that were begun and have no answer yet. */
  #open = 0;
  /** Members that count as in flight until the answer is out. */
  #held = 0;

  /**
   * @param paid What `link.pay` gave back.
   * @param maxAnswerBytes Bytes that `makeRoom` has room for.
   * @param join Makes one text of the answers, in the order of the members; `null` for none.
   */
  constructor(link: Link, members: readonly unknown[], paid: Paid, maxAnswerBytes: number, join: JoinAnswers) {
    this.#link = link;
    this.#members = members;
    this.peer = paid.witness;
    this.permit = paid.permit;
    this.#maxBytes = maxAnswerBytes;
    this.#join = join;
    this.#end = members.length;
  }

  /** Whether there are members that wait to be begun. */
  get hasMore(): boolean {
    return this.#begun < this.#end;
  }

  /** Begins the next member with `serve`, which gives an answer or calls `answer(place, …)` later. */
  begin(serve: (member: unknown, place: number) => string | undefined): void {
    const place = this.#begun++;
    this.#open++;
    const answer = serve(this.#members[place], place);
    if (answer === undefined) this.#held++;
    else this.answer(place, answer);
  }

  /** A member has its answer, or `null` for none. */
  answer(place: number, text: string | null): void {
    this.#answers[place] = text;
    this.#open--;
    this.#finish();
  }

  /** Begins none of those that wait, each of which gives back the probe that it may hold. */
  abandon(): void {
    if (!this.hasMore) return;
    for (let i = this.#begun; i < this.#end; i++) this.#link.settle(this.permit, 'ignored', this.peer);
    this.#end = this.#begun;
    this.#finish();
  }

  /** All answers wait for the last one, so their bytes are bounded together. @throws AnswerTooLarge */
  makeRoom(text: string): void {
    if (this.#bytes === undefined) {
      // A code unit takes at most three bytes, so most batches need no counting.
      this.#units += text.length;
      if (this.#units * 3 <= this.#maxBytes) {
        this.#texts.push(text);
        return;
      }
      this.#bytes = this.#texts.reduce((sum, one) => sum + textBytes(one, this.#maxBytes), 0);
    }
    const bytes = this.#bytes + textBytes(text, this.#maxBytes - this.#bytes);
    if (bytes > this.#maxBytes) throw new AnswerTooLarge(this.#maxBytes);
    this.#bytes = bytes;
  }

  #finish(): void {
    if (this.#open > 0 || this.hasMore) return;
    const text = this.#join(this.#answers);
    if (text !== null) this.#link.send(text);
    if (this.#held > 0) this.#link.done(this.#held);
  }
}
