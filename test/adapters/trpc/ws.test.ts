/** guardTrpc over WebSockets. */

import { behave } from '../behaviours.js';
import { rigOf } from './rig.js';

behave(rigOf('tRPC over WebSockets', 'ws')).run();
