// WINDOW, as pure functions from word to word: the results of a peer in this slice of the window and in the one before.
//
//      63 ─ slice 13 ─ 51 ─ quiet 1 ─ 50 ─ mark 2 · mark 2 ─ 46 ─ generation 2 ─ 44 ─ results 11 · failures 11 ─ 22 ─ results 11 · failures 11 ─ 0
//                                          before  now                                 before                         now
//
// The counts are those of one generation of the breaker. Opening and closing begin a new one, and so clear the counts in the
// same compare-and-swap; the marks stay. In a ramp the counts are those of the stage, however many slices it lasts.

const SLICE_SHIFT: u64 = 51;
const SLICE_MASK: u32 = 0x1fff;
const QUIET_SHIFT: u64 = 50;
const QUIET: u64 = 1 << QUIET_SHIFT;
/** The last ages there are numbers for: such a word was written by a thread whose clock is a little ahead. */
const SLICES_BACK: u32 = 0x1ffe;
const MARK_SHIFT: u64 = 46;
const MARK_BEFORE_SHIFT: u64 = 48;
const TAG_SHIFT: u64 = 44;
const COUNTS: u64 = (1 << 44) - 1;
const COUNTS_SHIFT: u64 = 22;
const COUNTS_NOW: u64 = (1 << 22) - 1;
const RESULTS_SHIFT: u64 = 11;
const COUNT_MASK: u32 = 2047;
const RESULTS_NOW: u64 = (<u64>COUNT_MASK) << RESULTS_SHIFT;
/** Slice, quiet bit and generation. */
const STEADY: u64 = 0xfffc300000000000;

export const UNMARKED: u32 = 0;
/** A trip was held back in the slice. */
export const HELD: u32 = 1;
/** The circuit opened in the slice. */
export const TRIPPED: u32 = 2;

/** What a word has above bit 50 in which a success tells nothing new in this slice: at most it is counted. */
export function quietIn(slice: u32): u64 {
  return ((<u64>(slice & SLICE_MASK)) << 1) | 1;
}

export function isQuiet(word: u64, quiet: u64): bool {
  return word >> QUIET_SHIFT == quiet;
}

export function quieted(word: u64): u64 {
  return word | QUIET;
}

/** How many slices ago the word was written. */
export function sliceAge(word: u64, slice: u32): u32 {
  const age = (slice - <u32>(word >> SLICE_SHIFT)) & SLICE_MASK;
  return age < SLICES_BACK ? age : 0;
}

export function markIn(word: u64): u32 {
  return <u32>(word >> MARK_SHIFT) & 3;
}

export function markBefore(word: u64): u32 {
  return <u32>(word >> MARK_BEFORE_SHIFT) & 3;
}

function tagOf(generation: u32): u64 {
  return (<u64>(generation & 3)) << TAG_SHIFT;
}

/** The two bits of the generation that the counts are of. */
export function tagIn(word: u64): u32 {
  return <u32>(word >> TAG_SHIFT) & 3;
}

function isOf(word: u64, generation: u32): bool {
  return ((word ^ tagOf(generation)) & tagOf(3)) == 0;
}

/** The word in this slice and this generation, nothing added yet; `whole`: the counts are those of a stage. */
export function turned(word: u64, slice: u32, generation: u32, whole: bool): u64 {
  const age = sliceAge(word, slice);
  if (age == 0 && isOf(word, generation)) return word;
  let marks = (word >> MARK_SHIFT) & 15;
  let counts = isOf(word, generation) ? word & COUNTS : 0;
  if (age) {
    marks = age == 1 ? (marks & 3) << 2 : 0;
    if (!whole) counts = age == 1 ? (counts & COUNTS_NOW) << COUNTS_SHIFT : 0;
  }
  const stamp = (<u32>(word >> SLICE_SHIFT) + age) & SLICE_MASK;
  return ((<u64>stamp) << SLICE_SHIFT) | (marks << MARK_SHIFT) | tagOf(generation) | counts;
}

/** The word with one result more. A slice with too many for its bits goes on with half of each, which keeps their ratio. */
export function added(word: u64, failure: bool): u64 {
  let results = (<u32>(word >> RESULTS_SHIFT) & COUNT_MASK) + 1;
  let failures = (<u32>word & COUNT_MASK) + <u32>failure;
  if (results > COUNT_MASK) {
    results >>= 1;
    failures = (failures + 1) >> 1;
  }
  return (word & ~COUNTS_NOW) | ((<u64>results) << RESULTS_SHIFT) | <u64>failures;
}

/** Results of the window in a word that was turned. */
export function resultsIn(word: u64): u32 {
  return (<u32>(word >> RESULTS_SHIFT) & COUNT_MASK) + (<u32>(word >> (COUNTS_SHIFT + RESULTS_SHIFT)) & COUNT_MASK);
}

export function failuresIn(word: u64): u32 {
  return (<u32>word & COUNT_MASK) + (<u32>(word >> COUNTS_SHIFT) & COUNT_MASK);
}

/** Whether one success more is only that: the word is quiet, of this slice and this generation, and there is room. */
export function isSteady(word: u64, slice: u32, generation: u32): bool {
  const differs = (word ^ (quietIn(slice) << QUIET_SHIFT) ^ tagOf(generation)) & STEADY;
  return differs == 0 && (word & RESULTS_NOW) != RESULTS_NOW;
}

export function withSuccess(word: u64): u64 {
  return word + ((<u64>1) << RESULTS_SHIFT);
}

/** The word with its counts void if they are of an older generation. */
export function countsOf(word: u64, generation: u32): u64 {
  return isOf(word, generation) ? word : word & ~COUNTS;
}

/** Whether a mark tells something that the marks of the window do not tell. A trip tells more than one that was held back. */
export function isNews(word: u64, mark: u32): bool {
  return markIn(word) != mark && markIn(word) != TRIPPED && (mark == TRIPPED || markBefore(word) != TRIPPED);
}

/** The word with a mark in its slice. Of a peer's marks in the window only the last one stays. */
export function marked(word: u64, mark: u32): u64 {
  if (!isNews(word, mark)) return word;
  return (word & ~((<u64>15) << MARK_SHIFT)) | ((<u64>mark) << MARK_SHIFT);
}

/** The word with no counts, of a generation that begins. */
export function cleared(word: u64, generation: u32): u64 {
  return (word & ~(COUNTS | QUIET | tagOf(3))) | tagOf(generation);
}

/** A word for a row's next owner that no writer of before expects; as if it had been idle for a window. */
export function newborn(before: u64, slice: u32): u64 {
  return ((<u64>((slice - 2) & SLICE_MASK)) << SLICE_SHIFT) | ((before + tagOf(1)) & tagOf(3));
}

/** The word of another table or another time: as many slices old as it was. */
export function moved(word: u64, from: u32, to: u32): u64 {
  const stamp = (to - sliceAge(word, from)) & SLICE_MASK;
  return (word & ~((<u64>SLICE_MASK) << SLICE_SHIFT)) | ((<u64>stamp) << SLICE_SHIFT);
}
