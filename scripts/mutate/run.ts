// Runs test files one after the other in this process, up to the first suite that fails, and tells the parent process
// which file comes next. A process for each file would spend most of its time on starting.

import { pathToFileURL } from 'node:url';

const uvu = globalThis as unknown as { UVU_DEFER: boolean; UVU_QUEUE: unknown[][] };
uvu.UVU_DEFER = true;
const { exec } = await import('uvu');

for (const file of process.argv.slice(2)) {
  process.send?.(file);
  uvu.UVU_QUEUE.splice(0, Number.POSITIVE_INFINITY, [null]);
  await import(pathToFileURL(file).href);
  await exec(true);
}
process.exit();
