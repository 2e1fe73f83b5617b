// Ranges of addresses in CIDR notation, and whether an address is in one.

import { ConfigError } from '../../index.js';
import { type Address, isIpv4, masked, parseAddress } from './parse.js';

export interface Range {
  readonly base: Address;
  /** Bits of 128: those of an IPv4 range come behind the 96 that map it. */
  readonly prefix: number;
  readonly ipv4: boolean;
}

/** What a name stands for. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

const EXPECTED = `a range such as '10.0.0.0/8', an address, or one of ${Object.keys(NAMED).join(', ')}`;

/** Every call passes the same few texts, so each is read once. They come from your own configuration; this is a precaution. */
const known = new Map<string, readonly Range[]>();
const MOST_KNOWN = 1_000;

/**
 * The ranges that these texts name.
 *
 * @throws ConfigError for what is not a list of ranges.
 */
export function rangesOf(texts: readonly string[]): Range[] {
  if (!Array.isArray(texts)) throw new ConfigError('trust', `a list of ranges, each of them ${EXPECTED}`, texts);
  return texts.flatMap((text) => known.get(text) ?? learn(text));
}

export function contains({ base, prefix, ipv4 }: Range, address: Address): boolean {
  // A range of IPv6 holds no IPv4 address, although ::ffff:0:0/96 may lie within its bits.
  if (isIpv4(address) !== ipv4) return false;
  const whole = prefix >> 4;
  for (let i = 0; i < whole; i++) if (address[i] !== base[i]) return false;
  const rest = prefix & 15;
  return rest === 0 || (address[whole] as number) >> (16 - rest) === (base[whole] as number) >> (16 - rest);
}

function learn(text: string): readonly Range[] {
  const ranges = Object.hasOwn(NAMED, text) ? (NAMED[text] as readonly string[]).map(rangeOf) : [rangeOf(text)];
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(text, ranges);
  return ranges;
}

function rangeOf(text: string): Range {
  if (typeof text !== 'string') throw new ConfigError('trust', EXPECTED, text);
  const slash = text.indexOf('/');
  const written = slash < 0 ? text : text.slice(0, slash);
  // A zone names a link of one machine and would not be compared, so a range has none.
  const address = written.includes('%') ? undefined : parseAddress(written);
  if (address === undefined) throw new ConfigError('trust', EXPECTED, text);
  const ipv4 = isIpv4(address);
  const bits = written.includes(':') ? 128 : 32;
  const prefix = slash < 0 ? bits : prefixOf(text.slice(slash + 1));
  const least = ipv4 && bits === 128 ? 97 : 1;
  if (!(prefix >= least && prefix <= bits)) {
    // With a prefix of 0 every client could choose its own address.
    throw new ConfigError('trust', `a prefix of ${least} to ${bits} bits behind the slash`, text);
  }
  const of128 = prefix + 128 - bits;
  return { base: masked(address, of128), prefix: of128, ipv4 };
}

function prefixOf(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
}
