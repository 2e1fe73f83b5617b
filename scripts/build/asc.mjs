// Compiles targets of asconfig.json, given as `target=file`, in one process: most of the compiler's time is its start.
// A process that forks this one gets a compiler that stays: it compiles the targets of each message and answers with
// what went wrong, or with nothing.
// Plain JavaScript, because a loader of TypeScript would first transform the compiler's megabytes.

import asc from 'assemblyscript/asc';

/** What a target exports besides the entries of asconfig.json. */
const MORE = { shared: ['assembly/exports.shared.ts'] };

async function compile(pairs) {
  for (const pair of pairs) {
    const [target, file] = pair.split('=');
    const { error, stderr } = await asc.main([
      ...(MORE[target] ?? []),
      ...['--config', 'asconfig.json', '--target', target, '--outFile', file],
    ]);
    if (error) return `asc --target ${target}: ${error.message}\n${stderr.toString()}`;
  }
  return '';
}

if (process.send) {
  process.on('message', async (pairs) => process.send(await compile(pairs)));
} else {
  const failure = await compile(process.argv.slice(2));
  if (failure !== '') {
    console.error(failure);
    process.exit(1);
  }
}
