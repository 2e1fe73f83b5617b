// How scripts get to the engine: through the client that the application has anyway. Clients are known by their methods and options,
// so none of them is imported.
//
// A client that queues commands while it is offline, or sends them again, would charge peers long after the exchange was given up:
// it is refused.

import { ConfigError } from '../index.js';

/** What sends scripts to Valkey or Redis. Promises that are rejected count as failed exchanges. */
export interface ClusterTransport {
  /** Runs the script with this SHA-1. Where the engine does not have it, the error's message begins with `NOSCRIPT`. */
  evalsha(sha: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Runs a script; called after NOSCRIPT. */
  eval(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

/** What is used of a client, or of a `Cluster`, of iovalkey or ioredis. */
export interface IoredisClient {
  readonly options: object;
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
}

/** What is used of a client of @redis/client, the package `redis`. */
export interface NodeRedisClient {
  readonly options?: object | undefined;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/**
 * A transport over a client of iovalkey, or over its `Cluster`.
 *
 * @throws ConfigError for what is no such client, and for one whose `enableOfflineQueue` or `autoResendUnfulfilledCommands` is
 *   not false. Of a `Cluster`, `redisOptions` count as well.
 *
 * @example
 * const client = new Redis(url, { enableOfflineQueue: false, autoResendUnfulfilledCommands: false });
 * const sync = new ClusterSync(limiter, { transport: fromIovalkey(client), nodes: 3 });
 */
export function fromIovalkey(client: IoredisClient): ClusterTransport {
  return fromPositional(client, 'iovalkey');
}

/** The same over a client of ioredis, or over its `Cluster`. */
export function fromIoredis(client: IoredisClient): ClusterTransport {
  return fromPositional(client, 'ioredis');
}

/**
 * A transport over a client of @redis/client, which is in the package `redis`.
 *
 * @throws ConfigError for what is no such client, and for one whose `disableOfflineQueue` is not true.
 */
export function fromNodeRedis(client: NodeRedisClient): ClusterTransport {
  requireMethods(client, ['evalSha', 'eval'], '@redis/client');
  const { disableOfflineQueue } = (client.options ?? {}) as { readonly disableOfflineQueue?: unknown };
  if (disableOfflineQueue !== true) throw new ConfigError('client.disableOfflineQueue', 'true', disableOfflineQueue);
  const named = (keys: readonly string[], args: readonly (string | number)[]) => ({
    keys: [...keys],
    arguments: args.map(String),
  });
  return {
    evalsha: (sha, keys, args) => client.evalSha(sha, named(keys, args)),
    eval: (script, keys, args) => client.eval(script, named(keys, args)),
  };
}

function fromPositional(client: IoredisClient, kind: string): ClusterTransport {
  requireMethods(client, ['evalsha', 'eval'], kind);
  for (const name of ['enableOfflineQueue', 'autoResendUnfulfilledCommands']) requireOff(client.options, name);
  return {
    evalsha: (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
    eval: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
  };
}

function requireMethods(client: unknown, names: readonly string[], kind: string): void {
  const methods = client as Readonly<Record<string, unknown>> | null | undefined;
  if (typeof client === 'object' && client !== null && names.every((name) => typeof methods?.[name] === 'function')) {
    return;
  }
  throw new ConfigError('client', `a client of ${kind}, with ${names.join(' and ')}`, client);
}

type Options = Readonly<Record<string, unknown>> | undefined;

/** Wherever the option is given, it has to be false; and it has to be given, because it is on by default. */
function requireOff(options: unknown, name: string): void {
  const own = options as Options;
  const values = [own?.[name], (own?.['redisOptions'] as Options)?.[name]].filter((value) => value !== undefined);
  if (values.length > 0 && values.every((value) => value === false)) return;
  throw new ConfigError(
    `client.${name}`,
    'false',
    values.find((value) => value !== false),
  );
}
