/** guardNamespace over the transport polling. */

import { behave } from '../behaviours.js';
import { rigOf } from './rig.js';

behave(rigOf('socket.io, polling', 'polling')).run();
