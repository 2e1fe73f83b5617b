// Measures one case and prints its figures: `node --import tsx bench/child.ts QUESTION CASE`.

import { questions } from './questions/index.js';

const [name, index] = process.argv.slice(2);
const found = questions.find((question) => question.name === name)?.cases[Number(index)];
if (found === undefined) throw new Error(`no case ${index} of ${name}`);
const figures = await found.measure();
console.log(JSON.stringify(figures));
process.exit();
