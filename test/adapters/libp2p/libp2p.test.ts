/** The libp2p adapter. libp2p needs Node 22, so these suites run in a process of that version. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { engineOf } from '../../../bench/install.js';

const file = fileURLToPath(new URL('./suites.ts', import.meta.url));
const { status } = spawnSync(engineOf('22'), ['--import', 'tsx', file], { stdio: 'inherit' });
process.exitCode = status ?? 1;
