// `npm run engines`: packs the package, installs it as a user would, and runs small programs with it on every engine that it is
// made for. Prints which hold; exit code 1 if one does not. `--only NAME` runs the engines with this in their name.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { during } from '../scripts/progress.js';
import { install } from '../test/package/installed.js';
import { engines } from './run.js';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** A program for each part of the package, and the engines on which that part is used. */
const programs: readonly { readonly name: string; readonly on: RegExp }[] = [
  { name: 'core', on: /./ },
  { name: 'address', on: /./ },
  { name: 'http', on: /^(Node|Bun|Deno)/ },
  { name: 'fetch', on: /./ },
  { name: 'grpc', on: /^Node/ },
  { name: 'libp2p', on: /^Node (22|24|26)/ },
];

/** Packages that the programs use beside `peergate`; their scopes stand for what is in them. */
const frameworks = ['@chainsafe', '@grpc', '@libp2p', 'libp2p'];

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });

if (!existsSync(join(folder, 'node_modules/.package-lock.json'))) {
  await during('installing the engines', () =>
    execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: folder,
      stdio: ['ignore', 2, 2],
    }),
  );
}
const installed = install();
cpSync(join(folder, 'programs'), join(installed.project, 'programs'), { recursive: true });
for (const name of frameworks) {
  symlinkSync(join(folder, 'node_modules', name), join(installed.project, 'node_modules', name));
}

const chosen = engines().filter(({ name }) => name.toLowerCase().includes(values.only.toLowerCase()));
const width = Math.max(...chosen.map(({ name, version }) => name.length + version.length + 1));
const failures: string[] = [];
console.log(`${''.padEnd(width)}  ${programs.map(({ name }) => name.padEnd(8)).join(' ')}`);
for (const engine of chosen) {
  const cells: string[] = [];
  for (const { name, on } of programs) {
    if (!on.test(engine.name)) {
      cells.push('-');
      continue;
    }
    const wrong = await engine.run(installed, name).catch(String);
    if (wrong !== '') failures.push(`${engine.name}, ${name}: ${wrong}`);
    cells.push(wrong === '' ? 'holds' : 'FAILS');
  }
  console.log(`${`${engine.name} ${engine.version}`.padEnd(width)}  ${cells.map((cell) => cell.padEnd(8)).join(' ')}`);
}
for (const failure of failures) console.log(`\n${failure}`);
if (chosen.length === 0) console.log(`there is no engine ${values.only}`);
process.exitCode = failures.length === 0 && chosen.length > 0 ? 0 : 1;
