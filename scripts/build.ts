// Builds what is out of date: `npm run build` everything, `npm run build core` what the sources need to run uncompiled.
// With `--anew` it builds everything, whether or not it seems to be out of date.

import { buildCore } from './build/core.js';
import { buildDist } from './build/dist.js';
import { forgetStamps } from './build/stamp.js';

const parts = process.argv.slice(2).filter((arg) => arg !== '--anew');
const [part = 'all'] = parts;
if (parts.length > 1 || (part !== 'all' && part !== 'core')) {
  console.error('usage: npm run build [core] [-- --anew]');
  process.exit(2);
}

if (process.argv.includes('--anew')) forgetStamps();
await buildCore();
if (part === 'all') await buildDist();
