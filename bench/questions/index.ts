// All questions, in the order in which they run.

import type { Question } from '../question.js';
import { adapters } from './adapters.js';
import { adaptive } from './adaptive.js';
import { allocation } from './allocation.js';
import { batch } from './batch.js';
import { byId } from './by-id.js';
import { cluster, clusterLoad, clusterPrice } from './cluster.js';
import { coarse } from './coarse.js';
import { configure } from './configure.js';
import { exhaustion } from './exhaustion.js';
import { flood } from './flood.js';
import { freshId } from './fresh.js';
import { growth } from './growth.js';
import { grpc } from './grpc.js';
import { guard } from './guard.js';
import { guardPrice } from './guard-price.js';
import { httpServer } from './http.js';
import { known } from './known.js';
import { outcome } from './outcome.js';
import { server } from './server.js';
import { serverFlood } from './server-flood.js';
import { snapshot } from './snapshot.js';
import { telemetry } from './telemetry.js';
import { threads } from './threads.js';

export const questions: readonly Question[] = [
  known,
  coarse,
  byId,
  freshId,
  outcome,
  flood,
  exhaustion,
  batch,
  allocation,
  adaptive,
  growth,
  configure,
  guard,
  guardPrice,
  server,
  grpc,
  adapters,
  httpServer,
  snapshot,
  telemetry,
  serverFlood,
  threads,
  cluster,
  clusterLoad,
  clusterPrice,
];
