// Making a table from the bytes of a snapshot: what happened to the rows since is done to them in the same order.
//
//      rows adopted in the limits they were copied in ─► these limits change as they did ─► time passes ─► new options
//
// The wall clock says how long the process was down. Everything that waits for its time ages by that.

import { requireNow } from './args.js';
import { type RateLimiterConfig, type ResolvedConfig, requireConfigFields, resolveConfig } from './config.js';
import { SnapshotError } from './errors.js';
import { readSnapshot, type Saved } from './snapshot-format.js';
import { Table } from './table.js';
import { adoptRecords, RECORD_BYTES } from './wasm/copying.js';
import { writeBirths } from './wasm/reading.js';

/**
 * A new table with what the bytes hold, aged by the time since.
 *
 * @throws SnapshotError for bytes that are not, or not any more, a snapshot of a version that can be read, or a `maxPeers`
 *   below its own; ConfigError for a bad option.
 */
export function restoreTable(bytes: Uint8Array, options: RateLimiterConfig): Table {
  const saved = readSnapshot(bytes);
  const last = checked(saved);
  requireConfigFields(options);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const config = resolveConfig({ ...last, ...given });
  if (config.maxPeers < saved.maxPeers) {
    throw new SnapshotError(`maxPeers of at least the snapshot's ${saved.maxPeers}`, config.maxPeers);
  }
  const now = Math.max(0, config.clock());
  requireNow(now);
  const asOf = saved.now + Math.max(0, Date.now() - saved.wallMs);

  const table = tableOf(saved, config);
  table.core.age(asOf, now - asOf);
  table.configure(config, now);
  return table;
}

/** A table with the saved rows in the saved limits, as of when they were saved. */
function tableOf({ parts, key, births }: Saved, config: ResolvedConfig): Table {
  let table: Table | undefined;
  for (const { limits, classes, changedAt, pieces } of parts) {
    const inForce = resolveConfig({ ...config, ...limits });
    if (table === undefined) {
      table = Table.create(inForce, key, classes);
      writeBirths(table.core, births);
    } else {
      table.configure(inForce, changedAt, classes);
    }
    for (const piece of pieces) {
      if (adoptRecords(table.core, piece) === piece.length / RECORD_BYTES) continue;
      throw new SnapshotError('peers that all find a row', 'fingerprints that collide');
    }
  }
  return table as Table;
}

/** The last of the saved limits with `maxPeers`, once it is known that no number is out of its bounds. */
function checked({ parts, maxPeers, wallMs, now }: Saved): ResolvedConfig {
  if (!Number.isFinite(wallMs)) throw new SnapshotError('a finite wall clock', wallMs);
  try {
    requireNow(now);
    const configs = parts.map(({ limits }) => resolveConfig({ ...limits, maxPeers }));
    const records = parts.reduce((sum, { pieces }) => sum + pieces.reduce((all, { length }) => all + length, 0), 0);
    const peers = records / RECORD_BYTES - 1;
    if (peers > maxPeers) throw new SnapshotError(`rows of at most maxPeers = ${maxPeers} peers`, peers);
    return configs.at(-1) as ResolvedConfig;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SnapshotError('numbers within their bounds', error.message);
  }
}
