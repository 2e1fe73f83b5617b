/** guardNamespace over the transport websocket. */

import { behave } from '../behaviours.js';
import { rigOf } from './rig.js';

behave(rigOf('socket.io, websocket', 'websocket')).run();
