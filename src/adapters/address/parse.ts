// Addresses as text, read and written. Every address is eight groups of 16 bits, so an IPv4 address is the IPv6 address that
// maps it (::ffff:a.b.c.d): the two spellings are one client. Reading is strict. The forms that C libraries also take
// (octal, hexadecimal, `127.1`) are refused, because a proxy and a server that read them differently see two clients.

/** Eight groups of 16 bits. */
export type Address = readonly number[];

const GROUPS = 8;
const DOT = 46;
const COLON = 58;
const ZONE = /^[\w.:-]+$/;
const PORT = /^:\d{1,5}$/;

/** An IPv4 or IPv6 address; undefined for any other text. A zone (`%eth0`) is read and left out. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) return ofIpv4(parseIpv4(text, 0));
  const percent = text.indexOf('%');
  if (percent < 0) return parseIpv6(text);
  return ZONE.test(text.slice(percent + 1)) ? parseIpv6(text.slice(0, percent)) : undefined;
}

/** The same, with a port behind it or not. An IPv6 address is in brackets then: `192.0.2.1:80`, `[2001:db8::1]:80`. */
export function parseHost(text: string): Address | undefined {
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    const inside = text.slice(1, close);
    return close > 0 && inside.includes(':') && isPort(text.slice(close + 1)) ? parseAddress(inside) : undefined;
  }
  const colon = text.indexOf(':');
  if (colon < 0 || text.includes(':', colon + 1)) return parseAddress(text);
  return isPort(text.slice(colon)) ? ofIpv4(parseIpv4(text.slice(0, colon), 0)) : undefined;
}

/** Whether it is an IPv4 address, however it was written. */
export function isIpv4([a, b, c, d, e, f]: Address): boolean {
  return a === 0 && b === 0 && c === 0 && d === 0 && e === 0 && f === 0xffff;
}

/** The address with all bits behind the prefix set to 0. */
export function masked(address: Address, prefix: number): Address {
  return address.map((group, i) => group & ~(0xffff >> Math.min(Math.max(prefix - 16 * i, 0), 16)));
}

/** The one text of an address: decimal with dots for IPv4, and RFC 5952 for IPv6. */
export function textOf(address: Address): string {
  if (isIpv4(address)) {
    const [high, low] = [address[6] as number, address[7] as number];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  const [from, to] = longestZeros(address);
  const hex = (part: Address) => part.map((group) => group.toString(16)).join(':');
  return to - from < 2 ? hex(address) : `${hex(address.slice(0, from))}::${hex(address.slice(to))}`;
}

/** Where the longest run of zero groups is, the first one of several. */
function longestZeros(address: Address): [from: number, to: number] {
  let [from, to] = [0, 0];
  for (let i = 0, start = 0; i < GROUPS; i++) {
    if (address[i] !== 0) start = i + 1;
    else if (i + 1 - start > to - from) [from, to] = [start, i + 1];
  }
  return [from, to];
}

function isPort(text: string): boolean {
  return text === '' || (PORT.test(text) && Number(text.slice(1)) <= 0xffff);
}

function ofIpv4(bits: number): Address | undefined {
  return bits < 0 ? undefined : [0, 0, 0, 0, 0, 0xffff, bits >>> 16, bits & 0xffff];
}

/** Four decimal numbers without leading zeros, from there to the end of the text; -1 for anything else. */
function parseIpv4(text: string, from: number): number {
  let bits = 0;
  let dots = 0;
  let part = -1;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (part < 0 || ++dots > 3) return -1;
      bits = bits * 256 + part;
      part = -1;
    } else {
      const digit = code - 48;
      if (digit < 0 || digit > 9 || part === 0) return -1;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return -1;
    }
  }
  return dots === 3 && part >= 0 ? bits * 256 + part : -1;
}

/** Groups of one to four hexadecimal digits, one `::` for one or more groups of zeros, and an IPv4 address as the last two. */
function parseIpv6(text: string): Address | undefined {
  const groups: number[] = [];
  let gap = -1;
  let at = 0;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    const start = at;
    let group = 0;
    for (let digit = hexDigit(text, at); digit >= 0 && at - start <= 4; digit = hexDigit(text, at)) {
      group = group * 16 + digit;
      at++;
    }
    if (text.charCodeAt(at) === DOT) {
      const bits = parseIpv4(text, start);
      if (bits < 0) return undefined;
      groups.push(bits >>> 16, bits & 0xffff);
      break;
    }
    if (at === start || at - start > 4) return undefined;
    if (groups.push(group) > GROUPS) return undefined;
    if (at === text.length) break;
    // A colon, and something behind it.
    if (text.charCodeAt(at) !== COLON || ++at === text.length) return undefined;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return undefined;
      gap = groups.length;
      at++;
    }
  }
  if (gap < 0) return groups.length === GROUPS ? groups : undefined;
  if (groups.length >= GROUPS) return undefined;
  groups.splice(gap, 0, ...new Array<number>(GROUPS - groups.length).fill(0));
  return groups;
}

/** -1 where there is none. */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
