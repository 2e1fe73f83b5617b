// A peer that asks once a minute, with a ramp.

import { isAllowed } from '../../../src/index.js';
import { limiterOf } from '../limiter.js';
import { criterion, type Scenario } from '../scenario.js';

const MINUTE = 60_000;
const FAILING = 10;
const MINUTES = 60;

export const rarePeer: Scenario = {
  name: 'rare-peer',
  title: 'A peer of one request a minute',
  about: `It fails ${FAILING} times, once a minute, and is fine from then on. Its circuit recovers in a ramp of four stages.`,
  run() {
    const limiter = limiterOf({ recovery: {}, maxPeers: 1 });
    const states: [number, number][] = [];
    let [asked, delayed, recoveringMinutes] = [0, 0, 0];
    for (let minute = 0; minute < MINUTES; minute++) {
      const now = minute * MINUTE;
      const decision = limiter.check('peer', 1, now);
      if (minute >= FAILING) asked++;
      if (!isAllowed(decision)) delayed++;
      else if (minute < FAILING) limiter.recordFailure('peer', decision, now + 100);
      else limiter.recordSuccess('peer', decision, now + 100);
      const state = limiter.getCircuitState('peer', now + 200);
      if (state === 'recovering') recoveringMinutes++;
      states.push([minute, ['closed', 'recovering', 'half_open', 'open'].indexOf(state)]);
    }
    const { circuitOpened, recovered } = limiter.stats();
    return {
      criteria: [
        criterion('none of its requests is delayed by the ramp', `${delayed} of ${asked}`, delayed === 0),
        criterion(
          'its circuit went through the ramp and is closed again',
          `opened ${circuitOpened} time, ${recoveringMinutes} minutes of ramp, recovered ${recovered} time`,
          circuitOpened === 1 && recoveringMinutes > 0 && recovered === 1,
        ),
      ],
      chart: {
        title: 'The circuit of a peer that asks once a minute',
        x: 'minutes',
        y: '0 closed · 1 ramp · 2 half-open · 3 open',
        lines: [{ name: 'state after each request: all are let through', points: states }],
        shaded: { from: 0, to: FAILING - 1, name: 'it fails' },
        highest: 3.2,
      },
    };
  },
};
