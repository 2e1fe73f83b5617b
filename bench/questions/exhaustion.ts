// "How many requests a second hold every row of the table, so that no newcomer finds one?" An attacker uses as many names as
// there are rows, one after the other, over and over. Time is a parameter, so the result is the same on every machine.

import type { Figures } from '../measure.js';
import { Limiter, presets } from '../peergate.js';
import type { Case, Question } from '../question.js';

const ROWS = 65_536;
/** How often each name is used. Circuits open on the way, under every preset but the lenient one. */
const CYCLES = 12;
const NEWCOMERS_A_CYCLE = 64;
/** The precision of the result. */
const STEP = 1.01;

export const HOLDS = 'requests a second';

type Attack = 'each request fails' | 'no request fails';

/** How many newcomers find a row while each name is used once in `cycleMs`. Filling the table comes first. */
function newcomersServed(preset: keyof typeof presets, attack: Attack, cycleMs: number): number {
  const limiter = new Limiter({ ...presets[preset], maxPeers: ROWS, onFull: 'reject', clock: () => 0 });
  const use = (name: number, now: number) => {
    const decision = limiter.check(`name ${name}`, 1, now);
    if (decision >= 0 && attack === 'each request fails') limiter.recordFailure(`name ${name}`, decision, now);
  };
  let served = 0;
  for (let request = 0; request < CYCLES * ROWS; request++) {
    const now = (request / ROWS) * cycleMs;
    use(request % ROWS, now);
    if (request < ROWS || request % (ROWS / NEWCOMERS_A_CYCLE) !== 0) continue;
    if (limiter.check(`newcomer ${request}`, 1, now) >= 0) served++;
  }
  return served;
}

/** The lowest rate at which not one newcomer finds a row, to within a step. */
function measure(preset: keyof typeof presets, attack: Attack): Figures {
  let [tooLow, enough] = [1, 1e8];
  while (enough / tooLow > STEP) {
    const rate = Math.sqrt(tooLow * enough);
    if (newcomersServed(preset, attack, (ROWS / rate) * 1000) > 0) tooLow = rate;
    else enough = rate;
  }
  return { [HOLDS]: enough };
}

const cases: Case[] = (['each request fails', 'no request fails'] as const).flatMap((attack) =>
  (['default', 'lenient', 'strict'] as const).map((preset) => ({
    row: `${preset} preset, ${attack}`,
    column: '',
    measure: () => measure(preset, attack),
  })),
);

export const exhaustion: Question = {
  name: 'exhaustion',
  title: `Holding all of ${ROWS} rows`,
  about: `The lowest rate at which ${ROWS} names, used one after the other, leave no row to any of ${NEWCOMERS_A_CYCLE * (CYCLES - 1)} newcomers. Computed with time as a parameter.`,
  cases,
  shown: { as: 'list' },
};
