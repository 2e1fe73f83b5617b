// The built package, which is what users run, with the types of the sources.

import type * as ClusterApi from '../src/cluster/index.js';
import type * as Api from '../src/index.js';
import type * as TelemetryApi from '../src/telemetry/index.js';
import type * as PrometheusApi from '../src/telemetry/prometheus.js';

export type { Peer, RateLimiter } from '../src/index.js';

const entry = (name: string) => import(new URL(`../dist/${name}.js`, import.meta.url).href);
const api = (await entry('index')) as typeof Api;

export const { coarseClock, presets, RateLimiter: Limiter, RpcGuard } = api;
export const { observe } = (await entry('telemetry')) as typeof TelemetryApi;
export const { registerPrometheus } = (await entry('prometheus')) as typeof PrometheusApi;
export const { ClusterSync, fromIoredis } = (await entry('cluster')) as typeof ClusterApi;
