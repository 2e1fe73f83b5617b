// All scenarios, in the order in which they run.

import type { Scenario } from './scenario.js';
import { cluster } from './scenarios/cluster.js';
import { coldBackend } from './scenarios/cold-backend.js';
import { fleetFault } from './scenarios/fleet-fault.js';
import { hostileNames } from './scenarios/hostile-names.js';
import { newcomers } from './scenarios/newcomers.js';
import { overload } from './scenarios/overload.js';
import { pumping } from './scenarios/pumping.js';
import { rarePeer } from './scenarios/rare-peer.js';
import { tuner, tunerHostile } from './scenarios/tuner.js';

export const scenarios: readonly Scenario[] = [
  overload,
  coldBackend,
  rarePeer,
  fleetFault,
  hostileNames,
  newcomers,
  pumping,
  tuner,
  tunerHostile,
  cluster,
];
