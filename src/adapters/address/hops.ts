// The two headers in which proxies note whom they serve. Each proxy adds its client at the right, so only the right end
// comes from a proxy that you know; whatever is further left a client may have sent. Hence both are read from the right, one
// hop at a time.

import { type Address, parseHost } from './parse.js';

export interface Hop {
  /** Undefined: no address. */
  readonly address: Address | undefined;
  /** Where the header ends for the hop further left; below 0 if there is none. */
  readonly end: number;
}

/** Reads the last hop of the header's first `end` characters. */
export type ReadHop = (header: string, end: number) => Hop;

export const readHop: Readonly<Record<'x-forwarded-for' | 'forwarded', ReadHop>> = {
  'x-forwarded-for': (header, end) => {
    const comma = end > 0 ? header.lastIndexOf(',', end - 1) : -1;
    return { address: parseHost(header.slice(comma + 1, end).trim()), end: comma };
  },
  forwarded: (header, end) => {
    const comma = commaBefore(header, end);
    return { address: addressOf(header.slice(comma + 1, end)), end: comma };
  },
};

/**
 * The last comma outside quotes, or -1. Found from the right: a client could send a quote that it never closes, and a reader
 * from the left would take what the proxy added for a part of the client's text.
 */
function commaBefore(header: string, end: number): number {
  let quoted = false;
  for (let i = end - 1; i >= 0; i--) {
    const char = header[i];
    if (char === '"' && !(quoted && isEscaped(header, i))) quoted = !quoted;
    else if (char === ',' && !quoted) return i;
  }
  return -1;
}

function isEscaped(header: string, at: number): boolean {
  let backslashes = 0;
  while (header[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

/** A parameter of a forwarded element (RFC 7239): `for=192.0.2.1;`, `for="[2001:db8::1]:4711"`. */
const PARAMETER = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))[ \t]*(?:;|$)/y;

/** A port that a proxy hides behind a word. */
const HIDDEN_PORT = /:_[\w.-]+$/;

/** What an element says of the client, if that is an address: not `unknown`, not a hidden name, not two. */
function addressOf(element: string): Address | undefined {
  let found: string | undefined;
  PARAMETER.lastIndex = 0;
  while (PARAMETER.lastIndex < element.length) {
    const match = PARAMETER.exec(element);
    if (match === null) return undefined;
    if (match[1]?.toLowerCase() !== 'for') continue;
    if (found !== undefined) return undefined;
    found = match[3] ?? match[2]?.replace(/\\(.)/g, '$1');
  }
  return found === undefined ? undefined : parseHost(found.replace(HIDDEN_PORT, ''));
}
