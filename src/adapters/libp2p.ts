// The adapter for libp2p: the guard before the handler of a protocol, and before the messages of a gossip topic. The packages are
// imported as types only, so this module loads without them.

import type { TopicValidatorFn, TopicValidatorResult } from '@libp2p/gossipsub';
import type { Connection, StreamHandler } from '@libp2p/interface';
import { ConfigError, type End, type GateOptions, type Passage, RpcGate, type RpcGuard } from '../index.js';
import { turnedAway } from './turned-away.js';

const DONE: End = { how: 'done' };
const CANCELLED: End = { how: 'cancelled' };

type Stream = Parameters<StreamHandler>[0];
type CloseEvent = Event & { readonly error?: Error; readonly local?: boolean };

/** A stream that a remote peer has opened, as the options see it. */
export interface StreamRequest {
  readonly stream: Stream;
  readonly connection: Connection;
}

/** A message of a topic, as the options see it. */
export interface TopicMessage {
  /** Who passed it on, which need not be who wrote it. */
  readonly peer: Parameters<TopicValidatorFn>[0];
  readonly message: Parameters<TopicValidatorFn>[1];
}

/** Options of `guardStream`. The default `peer` is the remote peer of the connection. */
export type StreamOptions = GateOptions<StreamRequest>;

/** Options of `guardTopic`. The default `peer` is the one that passed the message on. */
export type TopicOptions = GateOptions<TopicMessage>;

/**
 * Puts the guard before the handler of a protocol. A stream over the limit is reset, and its handler is not called. The breaker
 * learns how each stream ended. `docs/adapters.md` has the rules.
 *
 * @throws ConfigError for an option that does not exist or is no function, or what is not a guard or a handler.
 *
 * @example
 * await node.handle('/echo/1.0.0', guardStream(new RpcGuard(limiter), echo));
 */
export function guardStream(guard: RpcGuard, handler: StreamHandler, options: StreamOptions = {}): StreamHandler {
  if (typeof handler !== 'function') throw new ConfigError('handler', 'a function', handler);
  const gate = new RpcGate<StreamRequest>(guard, options, {
    name: 'libp2p',
    peer: ({ connection }) => connection.remotePeer.toString(),
  });
  return (stream, connection) => {
    const entry = gate.enter({ stream, connection });
    if (entry === undefined) return handler(stream, connection);
    if (entry.allowed) return watched(entry, handler, stream, connection);
    const error = new Error(entry.toRpcError().message);
    turnedAway.add(error);
    stream.abort(error);
    entry.closed();
    return undefined;
  };
}

/**
 * Puts the guard before the messages of a gossip topic. A message over the limit is ignored: it is neither delivered nor passed
 * on. It is not rejected, because that would lower the score of honest peers who pass on what others wrote.
 *
 * @param validator Judges the messages that are let in. A message that it rejects is the peer's failure. Default: all are good.
 * @throws ConfigError for an option that does not exist or is no function, or what is not a guard or a validator.
 *
 * @example
 * node.services.pubsub.topicValidators.set('news', guardTopic(new RpcGuard(limiter), validateNews));
 */
export function guardTopic(
  guard: RpcGuard,
  validator?: TopicValidatorFn,
  options: TopicOptions = {},
): TopicValidatorFn {
  if (validator !== undefined && typeof validator !== 'function') {
    throw new ConfigError('validator', 'a function', validator);
  }
  const gate = new RpcGate<TopicMessage>(guard, options, {
    name: 'libp2p',
    peer: ({ peer }) => peer.toString(),
    isFailure: (status) => status === 'reject',
  });
  return (peer, message) => {
    const entry = gate.enter({ peer, message });
    if (entry?.allowed === false) {
      entry.dropped();
      return 'ignore' as TopicValidatorResult;
    }
    if (validator !== undefined) return judged(entry, validator, peer, message);
    entry?.settle({ how: 'done', status: 'accept' });
    return 'accept' as TopicValidatorResult;
  };
}

async function watched(
  passage: Passage<StreamRequest>,
  handler: StreamHandler,
  stream: Stream,
  connection: Connection,
): Promise<void> {
  stream.addEventListener('close', (event) => conclude(passage, event, connection), { once: true });
  // A stream that was reset meanwhile has told so already.
  if (stream.status !== 'open' && stream.status !== 'closing') passage.settle(CANCELLED);
  const { send } = stream;
  stream.send = (data) => {
    stream.send = send;
    passage.progress(DONE);
    return stream.send(data);
  };
  passage.limitTime();
  try {
    await handler(stream, connection);
  } catch (error) {
    passage.settle({ how: 'error', error });
    throw error;
  }
  passage.inTime();
}

function conclude(passage: Passage<StreamRequest>, event: CloseEvent, connection: Connection): void {
  if (event.error !== undefined && turnedAway.has(event.error)) passage.abandon();
  else passage.settle(endOf(event, connection));
}

/** A reset comes from the remote peer. An abort comes from this side, or from a connection that has broken. */
function endOf({ error, local }: CloseEvent, { status }: Connection): End {
  if (error === undefined) return DONE;
  return local && status === 'open' ? { how: 'error', error } : CANCELLED;
}

async function judged(
  passage: Passage<TopicMessage> | undefined,
  validator: TopicValidatorFn,
  ...message: Parameters<TopicValidatorFn>
): Promise<TopicValidatorResult> {
  passage?.limitTime();
  try {
    const status = await validator(...message);
    passage?.settle({ how: 'done', status });
    return status;
  } catch (error) {
    passage?.settle({ how: 'error', error });
    throw error;
  }
}
