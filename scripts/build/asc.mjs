// Compiles targets of asconfig.json, given as `target=file`, in one process: most of the compiler's time is its start.
// Plain JavaScript, because a loader of TypeScript would first transform the compiler's megabytes.

import asc from 'assemblyscript/asc';

/** What a target exports besides the entries of asconfig.json. */
const MORE = { shared: ['assembly/exports.shared.ts'] };

for (const pair of process.argv.slice(2)) {
  const [target, file] = pair.split('=');
  const { error, stderr } = await asc.main([
    ...(MORE[target] ?? []),
    ...['--config', 'asconfig.json', '--target', target, '--outFile', file],
  ]);
  if (error) {
    console.error(`asc --target ${target}: ${error.message}\n${stderr.toString()}`);
    process.exit(1);
  }
}
