// Measures one case in a process of its own: `tsx bench/decision.ts PEERS CASE`; prints a JSON object.

import Benchmark from 'benchmark';
import { cases, DECISIONS } from './cases.js';

const [peers = '1000', index = '0'] = process.argv.slice(2);
const found = cases(Number(peers))[Number(index)];
if (found === undefined) throw new Error(`no case ${index}`);
const { name, run, allowed } = found;

let runs = 0;
let sink = 0;
const bench = new Benchmark(name, () => {
  runs++;
  sink += run();
});
bench.run();
if (sink !== runs * allowed) throw new Error(`${name}: expected ${runs * allowed} allowed, got ${sink}`);
// The fastest sample: what it costs when nothing else disturbs. The spread says how much else did.
const { sample, rme } = bench.stats;
console.log(JSON.stringify({ name, ns: (Math.min(...sample) * 1e9) / DECISIONS, spread: rme }));
