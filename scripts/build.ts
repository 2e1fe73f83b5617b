// Builds what is out of date: `npm run build` everything that is published, `npm run build core` what the sources need to
// run uncompiled, `npm run docs` the API reference. With `--anew` it builds whether or not anything seems out of date.

import { buildCore } from './build/core.js';
import { buildDist } from './build/dist.js';
import { buildReference } from './build/reference.js';
import { forgetStamps } from './build/stamp.js';

const PARTS = ['all', 'core', 'reference'];

const parts = process.argv.slice(2).filter((arg) => arg !== '--anew');
const [part = 'all'] = parts;
if (parts.length > 1 || !PARTS.includes(part)) {
  console.error('usage: npm run build [core | reference] [-- --anew]');
  process.exit(2);
}

if (process.argv.includes('--anew')) forgetStamps();
await buildCore();
if (part === 'all') await buildDist();
if (part !== 'core') await buildReference();
