// The public entry: everything but the adapters.

export type { Clock } from './clock.js';
export { coarseClock, monotonicClock } from './clock.js';
export type {
  ClassLimit,
  ClassLimits,
  Limits,
  LimitsUpdate,
  Mode,
  Newcomers,
  OnFull,
  RateLimiterConfig,
  Recovery,
  Reputation,
  ResolvedConfig,
} from './config.js';
export { presets } from './config.js';
export type { Fleet } from './controls.js';
export type { Decision, Reason } from './decision.js';
export { isAllowed, reasonOf, retryAfterMs } from './decision.js';
export type { ErrorCode } from './errors.js';
export {
  AddressError,
  ArgumentRangeError,
  ArgumentTypeError,
  ClosedError,
  ConfigError,
  errorCodes,
  SharingError,
  SnapshotError,
} from './errors.js';
export type { EventKind, LimiterEvent, Listener, OnRejection } from './events.js';
export { RateLimiter } from './limiter.js';
export type { PeerInfo, Ranked } from './listing.js';
export type { Around, ObservedCall, RejectionCounts, SubscribeOptions } from './observed.js';
export { requireKnownFields } from './options.js';
export type { Peer, PeerSummary } from './peer.js';
export type { Handler, RpcCall } from './rpc/call.js';
export { clientErrorsIgnored, onlyCodes } from './rpc/classifiers.js';
export type { RejectionReason, RpcErrorCodes, RpcErrorObject } from './rpc/codes.js';
export { ERR_CIRCUIT_BREAKER, ERR_RATE_LIMITED, eip1474 } from './rpc/codes.js';
export type { GateKind, GateOptions } from './rpc/gate.js';
export { RpcGate } from './rpc/gate.js';
export type { RpcGuardOptions, RunOptions } from './rpc/guard.js';
export { RpcGuard } from './rpc/guard.js';
export type { Classify, Outcome, Settled } from './rpc/outcome.js';
export type { Client, End, Passage } from './rpc/passage.js';
export type { Refusal, RefusalError, RefusalReason } from './rpc/refusal.js';
export { RpcArgumentError, RpcRejection, RpcTimeout } from './rpc/rejection.js';
export type { RpcPeer } from './rpc/who.js';
export type { PeerId } from './slots.js';
export type { SnapshotOptions } from './snapshot.js';
export type { LimiterSummary, Stats } from './stats.js';
export type { CircuitState } from './table.js';
export type { Ticket } from './threads/ticket.js';
