// The entry `peergate/cluster`: one limit across machines, on Valkey or Redis.

export type { ClusterOptions } from './options.js';
export { SCRIPT as clusterScript } from './script.js';
export type { ClusterStats } from './sync.js';
export { ClusterSync } from './sync.js';
export type { ClusterTransport, IoredisClient, NodeRedisClient } from './transport.js';
export { fromIoredis, fromIovalkey, fromNodeRedis } from './transport.js';
