// Two guards may be before one request, such as one for addresses and one for users. What the inner one turns away is no outcome
// for the outer one, which only sees how the request ended: by an answer, a status, an error.

/** What guards have turned requests away with. */
const refused = new WeakSet<object>();

/** Marks what a request is turned away with. */
export function markRefused<T extends object>(by: T): T {
  refused.add(by);
  return by;
}

/** Whether a guard has turned a request away with this. */
export function isRefused(by: unknown): boolean {
  return refused.has(by as object);
}
