// Two guards may be before one request, such as one for addresses and one for users. What the second one turns away is no outcome
// for the first, which only sees how the request ended: by a response, a status, an error.

/** What guards have turned requests away with. Another guard may have let them in; for that one they have no outcome. */
export const turnedAway = new WeakSet<object>();
