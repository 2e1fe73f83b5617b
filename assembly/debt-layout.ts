// Debts on their way out, through the room that batches pass through, and how a limit holds across machines. Two compilers read this
// file, like layout.ts, so it imports nothing.

export const DEBT_SLOT = 0; // u32
export const DEBT_EPOCH = 4; // u32
export const DEBT_TOKENS = 8; // u32
export const DEBT_TOKEN_MS = 16; // f64: how long one of them takes to come back
export const DEBT_DIGEST = 24;
export const DEBT_BYTES = 40;
/** How many debts are told of in one call; behind them the room is left to hashing. */
export const DEBTS = 200;

// How the limit holds across machines: `share`, with what is shared.
export const CLUSTER_OFF = 0;
/** Peers are given what their credit allows. */
export const CLUSTER_CREDIT = 1;
/** While the engine is down: each token costs `nodes`, or what it costs; or nobody is let through. */
export const CLUSTER_SHARE = 2;
export const CLUSTER_LOCAL = 3;
export const CLUSTER_SHUT = 4;

// Of a longer ID, while the limit holds across machines, the last 20 of these bytes are what its HMAC begins with, and a check.
export const COLD_DIGESTED = 32768; // set in COLD_ID_LENGTH then
export const COLD_DIGEST = 56;
export const COLD_DIGEST_CHECK = 72; // u32
export const ID_KEPT_DIGESTED = 34; // COLD_DIGEST - COLD_ID
export const DIGEST_BYTES = 16;
