// `run.mjs NAME` runs a program in the engine that runs this. It prints `holds` if all is as the program expects.

import { expect } from './expect.mjs';

const { check } = await import(`./${process.argv[2]}.mjs`);
await check(expect);
console.log('holds');
