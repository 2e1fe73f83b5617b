// Which words each operation of each thread was seen to read and to change, so that an access can be told to be nobody
// else's business: where no other thread will change the word, nor look at it if this access changes it, it does not matter
// when the access is made.

const READ = 1;
const CHANGED = 2;

export class Touches {
  /** For each actor and operation: the words, and how they were touched. */
  readonly #words: readonly (readonly Map<number, number>[])[];
  /** Whether anything turned up since this was last set to false that could make an access a step. */
  grown = false;

  constructor(operations: readonly number[]) {
    this.#words = operations.map((count) => Array.from({ length: count }, () => new Map()));
  }

  add(actor: number, operation: number, word: number, changed: boolean): void {
    const words = this.#words[actor]?.[operation] as Map<number, number>;
    const before = words.get(word) ?? 0;
    const how = before | (changed ? CHANGED : READ);
    if (how === before) return;
    words.set(word, how);
    if (this.isContended(actor, word, changed, () => 0)) this.grown = true;
  }

  /** Whether another actor may yet do what makes a difference to this access, or the access to it. */
  isContended(actor: number, word: number, changes: boolean, ended: (actor: number) => number): boolean {
    const matters = changes ? READ | CHANGED : CHANGED;
    return this.#words.some(
      (operations, other) =>
        other !== actor && operations.some((words, i) => i >= ended(other) && ((words.get(word) ?? 0) & matters) !== 0),
    );
  }
}
