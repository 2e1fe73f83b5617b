/** Several processes let one peer through: together they give it at most what is promised. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Crew, together } from './crew.js';
import { Server, testOfServer } from './servers.js';

const floods = suite('one peer floods all nodes');
const test = testOfServer(floods);

/** Minutes, with the sizes of the promise. */
const long = process.env['PEERGATE_CLUSTER'] === 'long';
const RATE = 100;
const BURST = 64;
const MS = long ? 30_000 : 600;
const INTERVALS = [10, 50, 200, 1000];

const rows: string[] = [];

for (const nodes of [3, 4]) {
  const fair = Math.floor(BURST / (2 * nodes));
  const credits = nodes === 3 ? [fair] : long ? [1, 2, fair, 20, BURST] : [1, fair, BURST];
  test(`${nodes} processes give at most burst + rate · Δ + nodes · credit, and refuse no honest peer`, async () => {
    const server = await Server.start();
    const crew = new Crew(nodes);
    try {
      for (const intervalMs of INTERVALS) {
        for (const credit of credits) {
          const limits = { rate: RATE, burst: BURST };
          await crew.join(server.port, limits, { intervalMs, credit, timeoutMs: 60_000 });
          // Half of the rate, from all nodes together; with a credit of one token an honest peer has to wait for its payment.
          const honest = { peer: `honest ${intervalMs} ${credit}`, perSec: RATE / 2 / nodes };
          const isFair = credit >= fair;
          const came = await crew.flood(`flooder ${intervalMs} ${credit}`, MS, isFair ? honest : undefined);
          await crew.leave();
          const { tokens, seconds } = together(came);
          const over = tokens - BURST - RATE * seconds;
          rows.push(
            `${nodes} processes, every ${intervalMs} ms, credit ${credit}: ${over.toFixed(0)} above burst + rate · Δ, bound ${nodes * credit}`,
          );
          assert.ok(over <= nodes * credit, `${rows.at(-1)}`);
          for (const { honest: own, longestRttMs } of came) {
            // A node can give a peer its credit in each round trip. This machine may have been busy with something else.
            if (isFair && credit < (2 * honest.perSec * (longestRttMs + 1)) / 1000)
              console.log(`a round trip of ${longestRttMs} ms`);
            else assert.is(own.refused, 0, `honest, of ${own.asked}`);
          }
          for (const { slices, stats } of came) {
            const given = slices.reduce((sum, each) => sum + each, 0);
            assert.ok(
              stats.exchanges <= given + honest.perSec * seconds + 1 + seconds + 1,
              'no exchange without a debt',
            );
          }
        }
      }
    } finally {
      await crew.end();
      await server.end();
    }
    console.log(rows.splice(0).join('\n'));
  });
}

test('a flood of which nearly all is rejected costs no more commands than it was given tokens, and one for each node and second', async () => {
  const server = await Server.start();
  const crew = new Crew(2);
  try {
    await crew.join(server.port, { rate: 5, burst: 10 });
    await crew.flood('flooder', 100);
    const came = await crew.flood('flooder', long ? 10_000 : 1000);
    const { tokens, seconds } = together(came);
    const asked = came.reduce((sum, each) => sum + each.asked, 0);
    const exchanges = came.reduce((sum, { stats }) => sum + stats.exchanges, 0);
    console.log(`${asked} asked in ${seconds.toFixed(1)} s, ${tokens} let through, ${exchanges} commands`);
    // What was let through before may be paid for only now.
    assert.ok(exchanges <= tokens + 10 + 2 * seconds, `${exchanges} commands for ${tokens} tokens`);
  } finally {
    await crew.end();
    await server.end();
  }
});

floods.run();
