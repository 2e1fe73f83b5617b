// A batch that is paid for. Its members are begun one by one, with others' turns between them, and answered together.

import type { Decision, RpcPeer } from '../../index.js';
import { type ErrorMember, TOO_LARGE } from './message.js';
import { textBytes } from './socket.js';
import { tell } from './tell.js';

/** What becomes of a member: an answer, perhaps later, or none. */
export type Work = string | Promise<string | null>;

/** The answer has no room beside those that are there already. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
  readonly member: ErrorMember;

  constructor(maxBatchAnswerBytes: number) {
    super(`the answers to a batch exceed ${maxBatchAnswerBytes} bytes together`);
    this.member = { ...TOO_LARGE, data: { maxBatchAnswerBytes } };
  }
}

export class Batch {
  /** Of the members that were begun. */
  readonly work: Work[] = [];
  readonly #members: readonly unknown[];
  readonly #peer: RpcPeer;
  readonly #permit: Decision;
  readonly #maxBytes: number;
  #bytes = 0;
  #begun = 0;
  #end: number;

  /** @param peer hears how the members went, each under `permit`. */
  constructor(members: readonly unknown[], peer: RpcPeer, permit: Decision, maxAnswerBytes: number) {
    this.#maxBytes = maxAnswerBytes;
    this.#members = members;
    this.#peer = peer;
    this.#permit = permit;
    this.#end = members.length;
  }

  /** Whether there are members that wait to be begun. */
  get hasMore(): boolean {
    return this.#begun < this.#end;
  }

  /** Begins the next member. Whether `work` is complete with it. */
  begin(serve: (member: unknown, permit: Decision, peer: RpcPeer) => Work): boolean {
    if (!this.hasMore) return false;
    const i = this.#begun++;
    this.work.push(serve(this.#members[i], this.#permit, this.#peer));
    return this.work.length === this.#end;
  }

  /**
   * Begins none of those that wait, each of which gives back the probe that it may hold. Whether `work` is complete thereby:
   * it is not while a member is being begun, which may be what led here.
   */
  abandon(): boolean {
    if (!this.hasMore) return false;
    for (let i = this.#begun; i < this.#end; i++) tell(this.#peer, 'ignored', this.#permit);
    this.#end = this.#begun;
    return this.work.length === this.#end;
  }

  /** All answers wait for the last one, so their bytes are bounded together. @throws AnswerTooLarge */
  makeRoom(text: string): void {
    const bytes = this.#bytes + textBytes(text, this.#maxBytes - this.#bytes);
    if (bytes > this.#maxBytes) throw new AnswerTooLarge(this.#maxBytes);
    this.#bytes = bytes;
  }
}
