// What is counted, for each connection and for all of them.

/** Counters over the life of a connection or of the whole service. */
export interface FlowStats {
  /** Frames taken in. */
  received: number;
  /** Frames let through: `received` − `rejected`. */
  admitted: number;
  /** Frames rejected, refused batches among them: `rejectionsAnswered` + `rejectionsDropped`. */
  rejected: number;
  /** Rejected frames that were answered with an error. */
  rejectionsAnswered: number;
  /** Rejected frames that nothing was said to. */
  rejectionsDropped: number;
  /** Frames and members answered with -32700 or -32600. */
  invalid: number;
  /** Requests and notifications handed to the server. */
  requests: number;
  /** Requests answered, whether with a result or an error. */
  responses: number;
  /** Times the reading stopped because of rejections. */
  pauses: number;
  /** Times the reading stopped because frames waited for their turn or for room, or the answers were not taken. */
  stalls: number;
}

export function newStats(): FlowStats {
  return {
    received: 0,
    admitted: 0,
    rejected: 0,
    rejectionsAnswered: 0,
    rejectionsDropped: 0,
    invalid: 0,
    requests: 0,
    responses: 0,
    pauses: 0,
    stalls: 0,
  };
}

/** Adds `more` to `sum`. */
export function addStats(sum: FlowStats, more: FlowStats): void {
  for (const name of Object.keys(sum) as (keyof FlowStats)[]) sum[name] += more[name];
}
