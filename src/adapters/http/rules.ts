// What HTTP makes of a decision, whatever server it runs on: status, header fields and body. Nothing here touches a request.
//
//   reason         status                        problem type (IANA)           Retry-After
//   rate_limited   429                           quota-exceeded                whole seconds, rounded up
//   circuit_open   429, 503 if you say so        abnormal-usage-detected       the same
//   table_full     503                           temporary-reduced-capacity    the same
//   unavailable    503                           about:blank                   none
//   internal       500                           about:blank                   none

import {
  ConfigError,
  type GateOptions,
  type Passage,
  type PeerId,
  type Refusal,
  type RefusalReason,
  type ResolvedConfig,
  RpcGate,
  type RpcGuard,
  type RpcPeer,
} from '../../index.js';

/** The options of the HTTP adapters. `R` is what the framework hands over for a request. */
export interface HttpOptions<R> extends GateOptions<R> {
  /** Requests that are not limited, such as CORS preflights. If it throws, that is treated like a bad peer. Default: none. */
  readonly skip?: ((request: R) => boolean) | undefined;
  /** The fields `RateLimit-Policy` and `RateLimit` on each answer (draft 11). Default `'draft-11'`; `false`: none. */
  readonly headers?: 'draft-11' | false | undefined;
  /** The status where the peer's circuit is open. Default 429: one peer's circuit is no outage of the server. */
  readonly circuitOpenStatus?: 429 | 503 | undefined;
}

/** An answer to a request that was turned away. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const OWN_OPTIONS = ['skip', 'headers', 'circuitOpenStatus'];
/** The name of the one policy, as a structured field's string. */
const POLICY = '"peer"';
const TYPES = 'https://iana.org/assignments/http-problem-types#';

interface Problem {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly violated: '["peer"]' | '[]';
}

const problems: Readonly<Record<RefusalReason, Problem>> = {
  rate_limited: {
    status: 429,
    type: `${TYPES}quota-exceeded`,
    title: 'Too many requests from this peer',
    violated: '["peer"]',
  },
  circuit_open: {
    status: 429,
    type: `${TYPES}abnormal-usage-detected`,
    title: 'Too many requests of this peer failed',
    violated: '["peer"]',
  },
  table_full: {
    status: 503,
    type: `${TYPES}temporary-reduced-capacity`,
    title: 'No room for another peer',
    violated: '[]',
  },
  unavailable: { status: 503, type: 'about:blank', title: 'Service Unavailable', violated: '[]' },
  internal: { status: 500, type: 'about:blank', title: 'Internal Server Error', violated: '[]' },
};

/** The gate of an HTTP adapter, and what it says to clients. */
export class HttpGate<R> extends RpcGate<R> {
  readonly #hasHeaders: boolean;
  readonly #circuitOpenStatus: number;
  /** The configuration that the policy is of. */
  #config: ResolvedConfig | undefined;
  #policy = '';

  /**
   * @param peer Who asks, where the options do not say.
   * @param others Names of options that the adapter reads itself.
   * @throws ConfigError for a bad guard or option.
   */
  constructor(
    guard: RpcGuard,
    options: HttpOptions<R>,
    peer: (request: R) => PeerId | RpcPeer | undefined,
    others: readonly string[] = [],
  ) {
    const { skip, headers = 'draft-11', circuitOpenStatus = 429 } = options ?? {};
    super(guard, options, { name: 'http', peer, isFailure, skip, optionNames: [...OWN_OPTIONS, ...others] });
    if (skip !== undefined && typeof skip !== 'function') throw new ConfigError('skip', 'a function', skip);
    if (headers !== 'draft-11' && headers !== false) throw new ConfigError('headers', `'draft-11' or false`, headers);
    if (circuitOpenStatus !== 429 && circuitOpenStatus !== 503) {
      throw new ConfigError('circuitOpenStatus', '429 or 503', circuitOpenStatus);
    }
    this.#hasHeaders = headers !== false;
    this.#circuitOpenStatus = circuitOpenStatus;
  }

  /** The field `RateLimit-Policy`: the burst, and the seconds in which an empty bucket fills. Undefined where headers are off. */
  get policy(): string | undefined {
    if (!this.#hasHeaders) return undefined;
    const { config } = this.guard.limiter;
    if (config !== this.#config) {
      this.#config = config;
      this.#policy = `${POLICY};q=${config.burstSize};w=${Math.ceil(config.burstSize / config.maxRequestsPerSec)}`;
    }
    return this.#policy;
  }

  /** The field `RateLimit` of a request that was let in: what is left after it. Undefined where nobody can tell. */
  limitOf(passage: Passage<R>): string | undefined {
    const left = passage.availableTokens;
    return left === undefined ? undefined : `${POLICY};r=${left}`;
  }

  /** Both fields of a request that was let in. Undefined where headers are off. */
  fieldsOf(passage: Passage<R>): Record<string, string> | undefined {
    const { policy } = this;
    if (policy === undefined) return undefined;
    const limit = this.limitOf(passage);
    return { 'RateLimit-Policy': policy, ...(limit !== undefined && { RateLimit: limit }) };
  }

  /** The answer to a request that was turned away. Counts it as answered. */
  refuse(refusal: Refusal<R>): HttpAnswer {
    refusal.answered();
    const { reason, retryAfterMs } = refusal;
    const { status: usual, type, title, violated } = problems[reason];
    const status = reason === 'circuit_open' ? this.#circuitOpenStatus : usual;
    const headers: Record<string, string> = { 'Content-Type': 'application/problem+json' };
    const seconds = retryAfterMs === null ? undefined : Math.ceil(retryAfterMs / 1000);
    if (seconds !== undefined) headers['Retry-After'] = String(seconds);
    const { policy } = this;
    if (policy !== undefined && refusal.decision !== undefined) {
      // An open circuit lets none of them be used.
      const left = reason === 'rate_limited' ? (refusal.availableTokens ?? 0) : 0;
      headers['RateLimit-Policy'] = policy;
      headers['RateLimit'] = `${POLICY};r=${left}${seconds === undefined ? '' : `;t=${seconds}`}`;
    }
    const body = `{"type":"${type}","title":"${title}","status":${status},"retryAfterMs":${retryAfterMs},"violated-policies":${violated}}`;
    return { status, headers, body };
  }
}

function isFailure(status: number | string | undefined): boolean {
  return Number(status) >= 500;
}
