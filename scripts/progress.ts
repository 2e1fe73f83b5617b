// Says what is being waited for, and for how long: on one line in a terminal, on a line every few seconds elsewhere.

const TERMINAL_EVERY_MS = 1000;
const ELSEWHERE_EVERY_MS = 5000;

/**
 * Runs `act` and says on standard error what it is about (`building the core`) while it runs. It can say so only as long as
 * `act` leaves the event loop free.
 */
export async function during<T>(what: string, act: () => Promise<T> | T): Promise<T> {
  const { stderr } = process;
  const started = performance.now();
  const seconds = (digits: number) => ((performance.now() - started) / 1000).toFixed(digits);
  const say = (text: string) => stderr.write(stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  const everyMs = stderr.isTTY ? TERMINAL_EVERY_MS : ELSEWHERE_EVERY_MS;
  say(`${what} …`);
  const timer = setInterval(() => say(`${what} … ${seconds(0)} s`), everyMs);
  let ended = 'failed';
  try {
    const result = await act();
    ended = 'done';
    return result;
  } finally {
    clearInterval(timer);
    say(`${what}: ${ended} after ${seconds(1)} s`);
    if (stderr.isTTY) stderr.write('\n');
  }
}
