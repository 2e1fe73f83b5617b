/** @throws an Error that says what was expected. */
export function expect(what, seen, expected) {
  if (seen !== expected) throw new Error(`${what}: expected ${expected}, saw ${seen}`);
}
