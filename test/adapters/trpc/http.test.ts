/** guardTrpc over HTTP: each call is a request, and subscriptions are server-sent events. */

import { behave } from '../behaviours.js';
import { rigOf } from './rig.js';

behave(rigOf('tRPC over HTTP and SSE', 'http')).run();
