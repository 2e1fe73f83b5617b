// What the machine that pays asks of the table: the debts, and to be told what all machines together have given a peer.

import { converted, instantOf, TICKS_PER_MS, tatOf, ticks, withTat } from './bucket';
import { classExponent, classOf } from './classes';
import {
  CLUSTER_CREDIT,
  CLUSTER_LOCAL,
  CLUSTER_OFF,
  CLUSTER_SHARE,
  CLUSTER_SHUT,
  DEBT_BYTES,
  DEBT_DIGEST,
  DEBT_EPOCH,
  DEBT_SLOT,
  DEBT_TOKEN_MS,
  DEBT_TOKENS,
  DEBTS,
} from './debt-layout';
import { writeDigest } from './digest';
import {
  AT_CREDIT,
  AT_ERA,
  AT_EXTRAS,
  AT_NODES,
  AT_PRICED,
  EXTRAS_COUNTED,
  EXTRAS_CREDIT,
  EXTRAS_LOAD,
  EXTRAS_NEWCOMERS,
  EXTRAS_NODES_SHIFT,
  EXTRAS_SHUT,
} from './layout';
import { currentLimits, inForce, limitsOf, tau, ticksPerToken, writeCredit } from './limits';
import { add32, cas32, load32, SHARED, store32, store64 } from './memory';
import { forgetDebts, nextOwing, owedIn, relist, unlist, unowe } from './owed';
import { batchRoom, capacity, rowAt } from './place';
import { casBucket, epochOf, getBucket, getMeta, getOwed, getPeer, isLive, LIMBO, LIVE, lifeOf } from './row';
import { chargeOf, scaled } from './scale';

/** As many bursts a peer can owe at most, whatever the machines together have given it. */
const MOST_BURSTS: u64 = 16;
const MOST_NODES: u32 = 0xfffff;

/** The bits of EXTRAS that say how the limit holds. */
function bitsOf(mode: u32, nodes: u32): u32 {
  if (mode == CLUSTER_CREDIT) return EXTRAS_COUNTED | EXTRAS_CREDIT;
  if (mode == CLUSTER_SHARE) return EXTRAS_COUNTED | (nodes << EXTRAS_NODES_SHIFT);
  if (mode == CLUSTER_LOCAL) return EXTRAS_COUNTED;
  return mode == CLUSTER_SHUT ? EXTRAS_SHUT : 0;
}

/** Says how the limit holds across so many machines. A credit of 0 stands for the default. */
export function share(mode: u32, nodes: u32, credit: u64): void {
  const own = min<u32>(max<u32>(nodes, 1), MOST_NODES);
  const others = EXTRAS_LOAD | EXTRAS_NEWCOMERS;
  const begins = (load32(AT_EXTRAS) & ~others) == 0 && mode != CLUSTER_OFF;
  // What an earlier membership left unpaid is forgotten. So are the places of peers that callers keep: they come with their IDs
  // once more, of which the long ones are hashed then.
  if (begins) {
    forgetDebts();
    store32(AT_PRICED, 1);
  } else relist();
  store64(AT_CREDIT, credit);
  store32(AT_NODES, own);
  let limits: usize;
  do {
    limits = currentLimits();
    writeCredit(limits);
  } while (SHARED && currentLimits() != limits);
  while (true) {
    const extras = load32(AT_EXTRAS);
    if (cas32(AT_EXTRAS, extras, (extras & others) | bitsOf(mode, own))) break;
  }
  if (begins) add32(AT_ERA, 1);
}

/** What a token of this peer's takes to come back on all machines: its class counts there, load and reputation are this one's own. */
function priceAcross(row: usize, limits: usize): u64 {
  return scaled(ticksPerToken(limits), classExponent(classOf(getPeer(row)), limits));
}

/**
 * Tells of debts of at least `least` tokens in this thread's batch room, from slot `from` on. Debts stay as they are until
 * `learn` takes from them, so that whoever comes after a thread that died finds them all.
 *
 * @returns the slot to go on with, or 0, times 1 024, and how many there are.
 */
export function drainOwed(from: u32, least: u64): f64 {
  let count: u32 = 0;
  let slot = nextOwing(from);
  for (; slot < capacity && count < <u32>DEBTS; slot = nextOwing(slot + 1)) {
    count += <u32>told(slot, least, batchRoom + <usize>count * DEBT_BYTES);
  }
  return <f64>(slot < capacity ? slot : 0) * 1024 + <f64>count;
}

function told(slot: u32, least: u64, at: usize): bool {
  const row = rowAt(slot);
  const owner = getMeta(row);
  const owed = owedIn(getOwed(row));
  if (owed == 0 || lifeOf(owner) == LIMBO) unlist(slot);
  if (owed == 0 || lifeOf(owner) != LIVE || owed < least || !writeDigest(slot, at + DEBT_DIGEST)) return false;
  store<u32>(at, slot, DEBT_SLOT);
  store<u32>(at, epochOf(owner), DEBT_EPOCH);
  store<u32>(at, <u32>owed, DEBT_TOKENS);
  store<f64>(at, <f64>priceAcross(row, currentLimits()) / TICKS_PER_MS, DEBT_TOKEN_MS);
  return isLive(row, epochOf(owner));
}

/**
 * What all machines together have given the peer takes `debtMs` to come back, and `acked` tokens of it are this table's. Raises the
 * bucket's debt to that and what is owed still, in one compare-and-swap, and never lowers it.
 *
 * @returns the tokens that are owed still, or -1 where the row is no longer that life's.
 */
export function learn(slot: u32, epoch: u32, debtMs: f64, acked: u64, now: f64): f64 {
  const row = rowAt(slot);
  while (true) {
    // The bucket is read first: what is taken from it until the swap makes the swap fail.
    const bucket = getBucket(row);
    const owed = getOwed(row);
    const force = inForce();
    if (!isLive(row, epoch)) return -1;
    const limits = limitsOf(force);
    const word = converted(bucket, force);
    const left = owedIn(owed) - min<u64>(owedIn(owed), acked);
    const tat = ticks(now, limits) + debtOf(debtMs, chargeOf(left, priceAcross(row, limits)), limits);
    if (tat > tatOf(word) && !casBucket(row, bucket, withTat(word, tat))) continue;
    return <f64>unowe(slot, owed, acked);
  }
}

/** The ticks of both, at most sixteen bursts. */
function debtOf(ms: f64, left: u64, limits: usize): u64 {
  const most = chargeOf(MOST_BURSTS, tau(limits));
  // A comparison with NaN is false, so NaN is no debt.
  const known = ms > 0 ? <u64>min<f64>(ceil(ms * TICKS_PER_MS), <f64>most) : 0;
  return min<u64>(known + left, most);
}

/** The debt of a bucket in ms; 0 where the row is no longer that life's. */
export function debtMs(slot: u32, epoch: u32, now: f64): f64 {
  const row = rowAt(slot);
  const tat = tatOf(converted(getBucket(row), inForce()));
  const at = instantOf(now);
  return isLive(row, epoch) && tat > at ? <f64>(tat - at) / TICKS_PER_MS : 0;
}
