// The options of every guarded connection, their defaults and bounds.

import { ConfigError } from '../index.js';

/** Bounds on what one connection may do and hold. */
export interface FlowLimits {
  /** The largest frame that is looked at, in bytes; keep it below the socket's own limit. Default 65 536. */
  readonly maxFrameBytes?: number | undefined;
  /** Requests of one connection that are worked on at a time; while there are as many, it is not read. Default 128. */
  readonly maxInFlight?: number | undefined;
  /** Rejections answered on one connection a second, in the long run; the others are dropped. 0 … 1 000. Default 10. */
  readonly maxRejectionsPerSec?: number | undefined;
  /**
   * Rejections that may be answered at once on a connection that has been quiet. 0 … 1 000. Default: the limiter's
   * `burstSize`, but at least 100 and at most 1 000.
   */
  readonly maxRejectionBurst?: number | undefined;
  /** Rejected frames after which a connection that never paused is closed with 1008. Default `Infinity`: never. */
  readonly maxStrikes?: number | undefined;
  /**
   * Bytes of answers waiting to be taken above which a connection is dropped; above a sixteenth of it, it is not read.
   * Default 16 777 216.
   */
  readonly maxBufferedBytes?: number | undefined;
  /** How long a client may take none of its waiting answers before it is dropped, in ms. Default 30 000. */
  readonly stallTimeoutMs?: number | undefined;
}

export interface FlowOptions extends FlowLimits {
  /**
   * Whether a client is told how many of its rejected frames got no answer, where the protocol has a message for that, at
   * most once a second. Default true.
   */
  readonly notifyRejections?: boolean | undefined;
}

/** The options in force. */
export interface FlowSettings extends Required<{ readonly [K in keyof FlowLimits]: number }> {
  readonly notifyRejections: boolean;
}

/** By name: the default, the least and the most. */
export type Bounds<Name extends string> = Readonly<
  Record<Name, readonly [standard: number, least: number, most: number]>
>;

const bounds: Bounds<keyof FlowLimits> = {
  maxFrameBytes: [65_536, 1, 2 ** 29],
  maxInFlight: [128, 1, 2 ** 20],
  maxRejectionsPerSec: [10, 0, 1000],
  maxRejectionBurst: [Number.NaN, 0, 1000], // depends on the limiter
  maxStrikes: [Number.POSITIVE_INFINITY, 1, 2 ** 31],
  maxBufferedBytes: [2 ** 24, 1, 2 ** 40],
  stallTimeoutMs: [30_000, 1, 2 ** 31 - 1],
};

/** The names of the options that every guarded connection has; an adapter adds its own. */
export const flowOptionNames: readonly string[] = [...Object.keys(bounds), 'notifyRejections'];

/**
 * The options complete and checked, all but their names.
 *
 * @param burstSize Of the limiter: an honest client can overshoot by as much in one go.
 * @throws ConfigError that names the first option that is out of its bounds.
 */
export function flowSettings(options: FlowOptions, burstSize: number): FlowSettings {
  const { notifyRejections = true } = options;
  if (typeof notifyRejections !== 'boolean') throw new ConfigError('notifyRejections', 'a boolean', notifyRejections);
  const settings = within(bounds, options);
  const maxRejectionBurst = options.maxRejectionBurst ?? Math.min(Math.max(burstSize, 100), 1000);
  return { ...settings, maxRejectionBurst, notifyRejections };
}

/** Whole numbers within their bounds, and the defaults for those that are left out. @throws ConfigError */
export function within<Name extends string>(
  allowed: Bounds<Name>,
  options: { readonly [K in Name]?: number | undefined },
): Record<Name, number> {
  const settings = {} as Record<Name, number>;
  for (const name of Object.keys(allowed) as Name[]) {
    const [standard, least, most] = allowed[name];
    const value: unknown = options[name];
    const isWhole = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
    if (!isWhole && value !== undefined && value !== standard) {
      throw new ConfigError(name, `an integer from ${least} to ${most}`, value);
    }
    settings[name] = (value as number | undefined) ?? standard;
  }
  return settings;
}
