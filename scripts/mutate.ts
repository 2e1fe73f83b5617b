// `npm run mutate [part of a path …]`: plants small defects in assembly/ and src/, one at a time, and runs the tests that
// could notice each. A defect that no test notices needs a test; if it changes nothing that anybody could see, it needs an
// entry in mutate/equivalents.json with the reason.
//
// The sample stays the same while the lines do. Results are kept in build/mutate.json, so a run goes on where the last one
// stopped. Survivors are tried again after any change of a source or a test.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildCore } from './build/core.js';
import { filesBelow, hashOf, root, writeWhole } from './build/stamp.js';
import { type Mutant, mutantsOf } from './mutate/mutants.js';
import { canNotice, importsOfTests, SLOW } from './mutate/tests.js';
import { Tree } from './mutate/tree.js';

/** The share of mutants that the tests have to notice, equivalents left out. */
const GOALS = { assembly: 0.98, src: 0.95 };
const NOT_SOURCES = /embedded\.ts$|\.d\.\w+\.ts$|\.json$/;
/** A test file that takes longer than this hangs. */
const [QUICK_MS, SLOW_MS] = [15_000, 120_000];

interface Result {
  /** The test file that noticed it; null where none did; 'refused' where it does not compile. */
  readonly by: string | null;
  /** Which sources and tests these were. */
  readonly stamp: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '200' },
    jobs: { type: 'string', default: '2' },
    seconds: { type: 'string', default: 'Infinity' },
    fresh: { type: 'boolean', default: false },
  },
});
const count = Number(values.count);
const deadline = Date.now() + 1000 * Number(values.seconds);

await buildCore();
const stamp = hashOf(['assembly', 'src', 'test'], []);
const keptAt = join(root, 'build/mutate.json');
const kept: Record<string, Result> =
  existsSync(keptAt) && !values.fresh ? JSON.parse(readFileSync(keptAt, 'utf8')) : {};
const equivalents: readonly Change[] = JSON.parse(readFileSync(join(root, 'scripts/mutate/equivalents.json'), 'utf8'));
const tests = await importsOfTests();
const trees = Array.from({ length: Number(values.jobs) }, () => new Tree());
process.on('exit', () => {
  for (const tree of trees) tree.remove();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

/** All mutants of a folder's files that were asked for, in an order that only the seed and their lines decide. */
function shuffled(folder: string): Mutant[] {
  const files = filesBelow(folder).filter(
    (file) => !NOT_SOURCES.test(file) && (positionals.length === 0 || positionals.some((part) => file.includes(part))),
  );
  const rank = ({ id }: Mutant) => createHash('sha256').update(`${values.seed} ${id}`).digest('hex');
  const ranked = files.flatMap(mutantsOf).map((mutant) => ({ mutant, rank: rank(mutant) }));
  return ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ mutant }) => mutant);
}

/** The first test file that notices the text: those are tried first that noticed most other mutants of the file. */
async function noticedBy(
  { file, text }: Pick<Mutant, 'file' | 'text'>,
  tree: Tree,
  killers: readonly string[],
): Promise<string | null> {
  const name = basename(file, '.ts');
  const kills = (test: string) => killers.filter((by) => by.startsWith(test)).length + Number(test.includes(name));
  const able = [...tests].filter(([test, imports]) => canNotice(file, test, imports)).map(([test]) => test);
  able.sort((a, b) => kills(b) - kills(a));
  const before = tree.replace(file, text);
  try {
    if (!(file.startsWith('assembly/') ? await tree.compile() : tree.hasRightTypes(file))) return 'refused';
    const quick = await tree.firstToFail(
      able.filter((test) => !SLOW.test(test)),
      QUICK_MS,
    );
    if (quick !== undefined) return quick;
    for (const test of able.filter((test) => SLOW.test(test))) {
      if (await tree.firstToFail([test], SLOW_MS)) return test;
    }
    return null;
  } finally {
    tree.replace(file, before);
  }
}

type Change = Pick<Mutant, 'file' | 'original' | 'changed'>;

const isSame = (a: Change, b: Change) => a.file === b.file && a.original === b.original && a.changed === b.changed;
const isEquivalent = (mutant: Mutant) => equivalents.some((equivalent) => isSame(equivalent, mutant));

/** Without a mutant every test has to pass, or else a red test would count as one that notices. */
async function requirePassingTests(folder: keyof typeof GOALS): Promise<void> {
  const id = `${folder} unchanged ${stamp}`;
  const file = { assembly: 'assembly/layout.ts', src: 'src/errors.ts' }[folder]; // every test imports it
  const text = readFileSync(join(root, file), 'utf8');
  const by = kept[id] ? null : await noticedBy({ file, text }, trees[0] as Tree, []);
  if (by !== null) throw new Error(`expected all tests to pass without a mutant, but not so ${by}`);
  kept[id] = { by, stamp };
}

/** Lets every tree work until there is nothing left to do, or time is up. */
async function inEachTree(work: (tree: Tree) => Promise<boolean>): Promise<void> {
  await Promise.all(
    trees.map(async (tree) => {
      while (Date.now() < deadline && (await work(tree)));
    }),
  );
}

/** Tries mutants until enough of them compiled, and prints the score; whether it reaches the goal. */
async function score(folder: keyof typeof GOALS): Promise<boolean> {
  const mutants = shuffled(folder);
  if (mutants.length === 0) return true;
  await requirePassingTests(folder);
  const by = ({ id }: Mutant) => kept[id]?.by;
  const attempt = async (mutant: Mutant, tree: Tree) => {
    const killers = mutants.filter(({ file }) => file === mutant.file).map((other) => by(other) ?? '');
    kept[mutant.id] = { by: await noticedBy(mutant, tree, killers), stamp };
    writeWhole(keptAt, JSON.stringify(kept));
  };
  const counted: Mutant[] = [];
  const rest = mutants.values();
  await inEachTree(async (tree) => {
    const { value: mutant } = counted.length < count ? rest.next() : { value: undefined };
    if (mutant === undefined) return false;
    if (!isEquivalent(mutant) && by(mutant) === undefined) await attempt(mutant, tree);
    if (by(mutant) !== 'refused') counted.push(mutant);
    return true;
  });
  const outdated = counted.filter(
    (mutant) => !isEquivalent(mutant) && by(mutant) === null && kept[mutant.id]?.stamp !== stamp,
  );
  await inEachTree(async (tree) => {
    const mutant = outdated.pop();
    if (mutant !== undefined) await attempt(mutant, tree);
    return mutant !== undefined;
  });

  for (const old of equivalents) {
    if (positionals.length > 0 || !old.file.startsWith(folder) || mutants.some((mutant) => isSame(old, mutant)))
      continue;
    console.log(`mutate/equivalents.json: ${old.file} has no such line any more\n  - ${old.original}`);
  }
  const same = counted.filter(isEquivalent).length;
  const survivors = counted.filter((mutant) => !isEquivalent(mutant) && by(mutant) === null);
  for (const { file, line, original, changed } of survivors) {
    console.log(`survived ${file}:${line}\n  - ${original}\n  + ${changed}`);
  }
  const share = 1 - survivors.length / (counted.length - same || 1);
  console.log(
    `${folder}: ${counted.length} mutants (seed ${values.seed}), ${same} equivalent, ${survivors.length} survived: ` +
      `score ${(100 * share).toFixed(1)} %, goal ${100 * GOALS[folder]} %`,
  );
  const complete = outdated.length === 0 && (counted.length >= count || rest.next().done === true);
  if (!complete) console.log(`time is up before ${count}; the same command goes on`);
  return complete && share >= GOALS[folder];
}

const reached = [await score('assembly'), await score('src')];
process.exit(reached.every(Boolean) ? 0 : 1);
