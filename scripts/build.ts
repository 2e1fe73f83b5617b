// Builds what is out of date: `npm run build` everything, `npm run build core` what the sources need to run uncompiled.

import { buildCore } from './build/core.js';
import { buildDist } from './build/dist.js';

const [part = 'all', ...rest] = process.argv.slice(2);
if (rest.length > 0 || (part !== 'all' && part !== 'core')) {
  console.error('usage: npm run build [core]');
  process.exit(2);
}

await buildCore();
if (part === 'all') await buildDist();
