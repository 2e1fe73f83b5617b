// Who a client is by its address: the address behind proxies that you trust, and the peer ID of an address.

import { AddressError, ConfigError, requireKnownFields } from '../index.js';
import { readHop } from './address/hops.js';
import { isIpv4, masked, parseHost, textOf } from './address/parse.js';
import { contains, rangesOf } from './address/ranges.js';

/** Options of `addressPeer`. */
export interface AddressPeerOptions {
  /** How many bits of an IPv6 address name the peer; an integer 1 … 128. Default 64, because one client has at least a /64. */
  readonly ipv6Prefix?: number | undefined;
}

/** Options of `clientAddress`. */
export interface ClientAddressOptions {
  /**
   * Your own proxies: ranges in CIDR notation, addresses, or the names `loopback`, `linklocal` and `uniquelocal`. Default:
   * none, so the address of the connection counts.
   */
  readonly trust?: readonly string[] | undefined;
  /** The header that your proxies write. It has to be the one, or clients choose their own address. Default `x-forwarded-for`. */
  readonly header?: 'x-forwarded-for' | 'forwarded' | undefined;
}

/** Header fields: those of Node, with names in lower case, or the `Headers` of Fetch. */
export type RequestHeaders =
  | { get(name: string): string | null }
  | { readonly [name: string]: string | readonly string[] | undefined };

/** A request of Node (`IncomingMessage`), or any object with its headers and the address that it came from. */
export interface AddressedRequest {
  readonly headers: RequestHeaders;
  /** The other end of the connection. It comes before the socket's. */
  readonly remoteAddress?: string | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

/**
 * The peer ID of an address: an IPv4 address as it is, an IPv6 address as its network (`2001:db8:1:2::/64`). Spellings do
 * not matter: `::ffff:192.0.2.1` is `192.0.2.1`, and brackets, ports and zones are left out.
 *
 * @throws AddressError for what is not an address, also for `undefined`, which is the address of a closed socket;
 *   ConfigError for a bad option.
 *
 * @example
 * limiter.check(addressPeer(request.socket.remoteAddress));
 */
export function addressPeer(ip: string | undefined, options: AddressPeerOptions = {}): string {
  requireKnownFields(options, ['ipv6Prefix']);
  const { ipv6Prefix = 64 } = options;
  if (!Number.isInteger(ipv6Prefix) || ipv6Prefix < 1 || ipv6Prefix > 128) {
    throw new ConfigError('ipv6Prefix', 'an integer from 1 to 128', ipv6Prefix);
  }
  const address = typeof ip === 'string' ? parseHost(ip) : undefined;
  if (address === undefined) throw new AddressError('ip', ip);
  if (isIpv4(address) || ipv6Prefix === 128) return textOf(address);
  return `${textOf(masked(address, ipv6Prefix))}/${ipv6Prefix}`;
}

/**
 * The address of the client, in its one spelling. It begins with the other end of the connection. As long as that is one of
 * your proxies, it goes on to whom that proxy says it serves, which is the next address from the right in the header. It stops
 * at the first address that you do not trust, and before a hop that is no address (`unknown`, a name, nothing).
 *
 * @param request A request of Node, Express, Fastify; for Fetch `{ headers: request.headers, remoteAddress }`.
 * @throws AddressError if the connection has no address: the socket is closed, or it is a Unix socket; ConfigError for a
 *   bad option.
 *
 * @example
 * const peer = addressPeer(clientAddress(request, { trust: ['10.0.0.0/8'] }));
 */
export function clientAddress(request: AddressedRequest, options: ClientAddressOptions = {}): string {
  requireKnownFields(options, ['trust', 'header']);
  const { trust = [], header = 'x-forwarded-for' } = options;
  if (!Object.hasOwn(readHop, header)) throw new ConfigError('header', `'x-forwarded-for' or 'forwarded'`, header);
  const ranges = rangesOf(trust);
  const remote = request.remoteAddress ?? request.socket?.remoteAddress;
  let client = typeof remote === 'string' ? parseHost(remote) : undefined;
  if (client === undefined) throw new AddressError('remoteAddress', remote);
  if (ranges.length === 0) return textOf(client);
  const value = fieldOf(request.headers, header);
  for (let end = value?.length ?? -1; value !== undefined && end >= 0; ) {
    const trusted = client;
    if (!ranges.some((range) => contains(range, trusted))) break;
    const hop = readHop[header](value, end);
    if (hop.address === undefined) break;
    client = hop.address;
    end = hop.end;
  }
  return textOf(client);
}

/** A header that came several times is one list. */
function fieldOf(headers: RequestHeaders, name: string): string | undefined {
  const value = typeof headers['get'] === 'function' ? headers.get(name) : (headers as Record<string, unknown>)[name];
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : undefined;
}
