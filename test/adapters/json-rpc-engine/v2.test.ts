/** guardEngine in JsonRpcEngineV2, behind its JsonRpcServer. */

import { behave } from '../behaviours.js';
import { newEngine, rigOf } from './rig.js';

behave(rigOf('JsonRpcEngineV2', newEngine)).run();
