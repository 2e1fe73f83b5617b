/** Counts the errors that nobody took: each would have ended the process. */

import { turn } from '../rpc/support.js';

/** Runs `act`, lets everything that is due happen, and gives what escaped meanwhile. */
export async function escapesOf(act: () => Promise<void> | void): Promise<unknown[]> {
  const escaped: unknown[] = [];
  const note = (error: unknown) => escaped.push(error);
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
  try {
    await act();
    for (let i = 0; i < 3; i++) await turn();
  } finally {
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
  }
  return escaped;
}
