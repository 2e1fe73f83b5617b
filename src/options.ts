// Field names of an options object. A limit with a misspelt name would protect nobody, so an unknown name is an error,
// and the error suggests the name that was probably meant.

import { ConfigError, kindOf } from './errors.js';

/**
 * Accepts an options object whose fields all have known names.
 *
 * @param options What the caller gave. Fields that are `undefined` count as well: their names can be misspelt, too.
 * @param known The names that exist.
 * @param what The name of the object in the error message. Default `options`.
 * @throws ConfigError if it is not an object, or has a field whose name does not exist; with the nearest one that does.
 */
export function requireKnownFields(options: unknown, known: readonly string[], what = 'options'): void {
  if (typeof options !== 'object' || options === null) throw new ConfigError(what, 'an object', options);
  let isEmpty = true;
  for (const name in options) {
    isEmpty = false;
    if (known.includes(name)) continue;
    throw new ConfigError(name, `no field of this name${suggestion(name, known)}`, (options as never)[name]);
  }
  // A list, a Map or a promise has no fields, so it would pass for options that say nothing.
  if (isEmpty && !KINDS.includes(kindOf(options))) throw new ConfigError(what, 'an object with named fields', options);
}

/** What options may be: objects, and modules that export them. */
const KINDS = ['Object', 'Module'];

/** What an error says of an unknown name: the nearest that exists, or all of them. */
export function suggestion(name: string, known: readonly string[]): string {
  let nearest = '';
  // Further away than this, a suggestion would mislead.
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), least);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest === '' ? ` (there are ${known.join(', ')})` : ` (did you mean ${nearest}?)`;
}

/** Insertions, deletions and replacements from one text to the other (Levenshtein); `most` where it is at least that. */
function editDistance(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) >= most) return most;
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] as number) + Number(from[i] !== to[j]);
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return Math.min(row[to.length] as number, most);
}
