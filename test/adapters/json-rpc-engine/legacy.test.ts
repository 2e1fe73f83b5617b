/** guardEngine in the older JsonRpcEngine. */

import { behave } from '../behaviours.js';
import { oldEngine, rigOf } from './rig.js';

behave(rigOf('JsonRpcEngine', oldEngine)).run();
