// Says what is being waited for, and for how long: on one line in a terminal, on a line every few seconds elsewhere.

const TERMINAL_EVERY_MS = 1000;
const ELSEWHERE_EVERY_MS = 5000;

/**
 * Runs `act` and says on standard error what it is about (`building the core`) while it runs. The time is told as long as
 * `act` leaves the event loop free.
 */
export async function during<T>(what: string, act: () => Promise<T> | T): Promise<T> {
  const { stderr } = process;
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
  const say = (text: string) => stderr.write(stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  say(`${what} …`);
  const timer = setInterval(
    () => say(`${what} … ${seconds()} s`),
    stderr.isTTY ? TERMINAL_EVERY_MS : ELSEWHERE_EVERY_MS,
  );
  try {
    const result = await act();
    say(`${what}: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    if (stderr.isTTY) stderr.write('\n');
    return result;
  } finally {
    clearInterval(timer);
  }
}
