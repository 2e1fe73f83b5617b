// The errors that peergate throws for bad input. Each has a stable `code`, which has a heading in docs/errors.md, and a
// message that says what was expected and what came.

/** The stable error codes. */
export const errorCodes = [
  'ERR_PEERGATE_CONFIG',
  'ERR_PEERGATE_PEER_ID_TYPE',
  'ERR_PEERGATE_PEER_ID_LENGTH',
  'ERR_PEERGATE_PEER_ID_ENCODING',
  'ERR_PEERGATE_ADDRESS',
  'ERR_PEERGATE_COST',
  'ERR_PEERGATE_NOW',
  'ERR_PEERGATE_DURATION',
  'ERR_PEERGATE_LOAD_FACTOR',
  'ERR_PEERGATE_CLASS',
  'ERR_PEERGATE_REPUTATION',
  'ERR_PEERGATE_PERMIT',
  'ERR_PEERGATE_DECISION',
  'ERR_PEERGATE_BATCH_LENGTH',
  'ERR_PEERGATE_BATCH_TYPE',
  'ERR_PEERGATE_TOP',
  'ERR_PEERGATE_LISTENER',
  'ERR_PEERGATE_SHARED_MEMORY',
  'ERR_PEERGATE_NOT_SHARED',
  'ERR_PEERGATE_THREADS',
  'ERR_PEERGATE_TICKET',
  'ERR_PEERGATE_SNAPSHOT',
  'ERR_PEERGATE_CLOSED',
  'ERR_PEERGATE_RPC_ARGUMENT',
  'ERR_PEERGATE_RPC_TIMEOUT',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** A value has the right type but is out of range. `code` is one of `errorCodes`. */
export class ArgumentRangeError extends RangeError {
  override readonly name: string = 'RangeError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A value has the wrong type. `code` is one of `errorCodes`. */
export class ArgumentTypeError extends TypeError {
  override readonly name: string = 'TypeError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A field of an options object is bad. `field` names it. */
export class ConfigError extends ArgumentRangeError {
  override readonly name = 'ConfigError';
  readonly field: string;

  constructor(field: string, expected: string, came: unknown) {
    super('ERR_PEERGATE_CONFIG', `${field}: expected ${expected}, got ${shown(came)}`);
    this.field = field;
  }
}

/** A value is not an IPv4 or IPv6 address. */
export class AddressError extends ArgumentTypeError {
  constructor(what: string, came: unknown) {
    super('ERR_PEERGATE_ADDRESS', `${what}: expected an IPv4 or IPv6 address, got ${shown(came)}`);
  }
}

/** A snapshot cannot be restored. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly code = 'ERR_PEERGATE_SNAPSHOT';

  constructor(expected: string, came: string | number) {
    super(`snapshot: expected ${expected}, got ${came}`);
  }
}

/** A limiter or a handle was used after its limiter was closed, or after another thread detached it. */
export class ClosedError extends Error {
  override readonly name = 'ClosedError';
  readonly code = 'ERR_PEERGATE_CLOSED';

  constructor() {
    super('limiter: expected one that is open, got one that was closed or detached');
  }
}

/** A table cannot be shared, or cannot be joined. `code` is one of `errorCodes`. */
export class SharingError extends Error {
  override readonly name = 'SharingError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const MOST_CHARACTERS = 40;
const LONG = 10n ** 40n;

function shortened(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}

/** A value as an error message shows it. It is short, and it tells '5' from 5. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `'${shortened(value)}'`;
    case 'bigint':
      // Writing out a long one takes longer than anything else here.
      return -LONG < value && value < LONG ? `${value}n` : 'a bigint of more than 40 digits';
    case 'symbol':
      return shortened(String(value));
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : `an object (${kindOf(value)})`;
    default:
      return Object.is(value, -0) ? '-0' : String(value);
  }
}

/** `Object`, `Array`, … An object may have code of its own here, and a Proxy that was revoked always throws. */
export function kindOf(value: object): string {
  try {
    return Object.prototype.toString.call(value).slice(8, -1);
  } catch {
    return 'unreadable';
  }
}
