// Waiting for what a busy machine may put off.

const LOOK_EVERY_MS = 100;
/** How much longer a phase may take until what is to be judged has happened. */
const MOST_EXTRA_MS = 60_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A phase lasts as long as planned, and then until `happened`, which a busy machine may put off. */
export async function phase(ms: number, happened: () => Promise<boolean> | boolean): Promise<void> {
  await pause(ms);
  const until = performance.now() + MOST_EXTRA_MS;
  while (!(await happened()) && performance.now() < until) await pause(LOOK_EVERY_MS);
}
