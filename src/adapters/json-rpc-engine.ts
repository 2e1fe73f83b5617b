// The adapter for MetaMask's JSON-RPC engine: one middleware, which is called as the engine of version 2 calls its own, or as the
// older engine does.

import type { JsonRpcMiddleware as LegacyMiddleware } from '@metamask/json-rpc-engine';
import type {
  ContextConstraint,
  Json,
  JsonRpcCall,
  JsonRpcMiddleware,
  JsonRpcParams,
  MiddlewareContext,
  ResultConstraint,
} from '@metamask/json-rpc-engine/v2';
import {
  clientErrorsIgnored,
  ERR_CIRCUIT_BREAKER,
  ERR_RATE_LIMITED,
  eip1474,
  type GateOptions,
  type Refusal,
  type RefusalReason,
  type RpcErrorCodes,
  type RpcErrorObject,
  RpcGate,
  type RpcGuard,
  RpcRejection,
} from '../index.js';

export { clientErrorsIgnored };

/** The options of `guardEngine`. The engine knows no default for who is calling. */
export type EngineOptions<R> = GateOptions<R> & Required<Pick<GateOptions<R>, 'peer'>>;

/** A middleware of `JsonRpcEngineV2`. */
export type EngineMiddleware<Context extends ContextConstraint> = JsonRpcMiddleware<
  JsonRpcCall,
  ResultConstraint<JsonRpcCall>,
  Context
>;

/** A middleware of the older `JsonRpcEngine`. */
export type LegacyEngineMiddleware = LegacyMiddleware<JsonRpcParams, Json>;

/** A request of the older engine, to which its middleware writes what it knows of it, such as `origin`. */
export type LegacyRequest = Parameters<LegacyEngineMiddleware>[0];

/** A rejection in the form in which the engine takes errors: `serialize` makes the `error` of the response. */
class EngineRejection extends RpcRejection {
  serialize() {
    return this.toJSON();
  }
}

/**
 * Middleware for the engine. Put it first, after what writes the peer into the context.
 *
 * Codes are those of EIP-1474: -32005, and -32002 where the circuit is open. A guard with `errorCodes` of its own keeps them. An
 * error response is a failure, and so is a request that takes longer than the guard's `timeoutMs`; it is not ended for that. A
 * request that no middleware of this engine ended has no outcome. The engine cannot cancel.
 *
 * In the older engine, which has no context, `peer` gets the request.
 *
 * @throws ConfigError for a bad guard or option.
 *
 * @example
 * type Context = MiddlewareContext<{ origin: string }>;
 * const limit = guardEngine(guard, { peer: (context: Context) => context.get('origin'), classify: clientErrorsIgnored });
 * const engine = JsonRpcEngineV2.create({ middleware: [limit, ...middleware] });
 */
export function guardEngine<Context extends ContextConstraint = MiddlewareContext>(
  guard: RpcGuard,
  options: EngineOptions<Context>,
): EngineMiddleware<Context>;
export function guardEngine<Request extends LegacyRequest>(
  guard: RpcGuard,
  options: EngineOptions<Request>,
): LegacyEngineMiddleware;
export function guardEngine(guard: RpcGuard, options: EngineOptions<unknown>): unknown {
  const gate = new RpcGate<unknown>(guard, options, { name: 'json-rpc-engine' });
  const { rateLimited, circuitOpen } = guard.errorCodes;
  const hasDefaults = rateLimited === ERR_RATE_LIMITED && circuitOpen === ERR_CIRCUIT_BREAKER;
  const codes = hasDefaults ? eip1474 : guard.errorCodes;
  return (call: object, ...legacy: [] | LegacyArguments): unknown =>
    legacy.length === 0 ? handle(gate, codes, call as Call) : handleLegacy(gate, codes, call, ...legacy);
}

type Codes = Required<RpcErrorCodes>;

interface Call {
  readonly request: object;
  readonly context: unknown;
  next(): Promise<unknown>;
}

async function handle(gate: RpcGate<unknown>, codes: Codes, { request, context, next }: Call): Promise<unknown> {
  const entry = gate.enter(context);
  if (entry === undefined) return next();
  if (!entry.allowed) throw rejectionOf(entry, codes);
  entry.limitTime();
  try {
    const result = await next();
    // A request without a result is for somebody else to end, such as the older engine around this one.
    if (result === undefined && 'id' in request) entry.abandon();
    else entry.settle({ how: 'done' });
    return result;
  } catch (error) {
    if (error instanceof EngineRejection) entry.abandon();
    else entry.settle({ how: 'error', error });
    throw error;
  }
}

type LegacyArguments = [
  response: { readonly error?: unknown },
  next: (returned: (done: () => void) => void) => void,
  end: (error: unknown) => void,
];

/** What is handed to `next` is called once there is a response, be it an error. It is not where nobody ended the request. */
function handleLegacy(gate: RpcGate<unknown>, codes: Codes, request: object, ...legacy: LegacyArguments): void {
  const [response, next, end] = legacy;
  const entry = gate.enter(request);
  if (entry?.allowed === false) {
    end(rejectionOf(entry, codes));
    return;
  }
  entry?.limitTime();
  next((done) => {
    const { error } = response;
    entry?.settle(error ? { how: 'error', error } : { how: 'done' });
    done();
  });
}

function rejectionOf(refusal: Refusal<unknown>, { rateLimited, circuitOpen, tableFull }: Codes): EngineRejection {
  refusal.answered();
  const { code: other, message, data } = refusal.toRpcError();
  const codes: Partial<Record<RefusalReason, number>> = {
    rate_limited: rateLimited,
    circuit_open: circuitOpen,
    table_full: tableFull,
  };
  return new EngineRejection({ code: codes[refusal.reason] ?? other, message, data } as RpcErrorObject);
}
