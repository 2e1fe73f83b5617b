// What differs between servers that speak Fetch. Each hands over something beside the request: Bun its server, Deno what it knows
// of the connection, Node (by @hono/node-server) its own two objects, Workers the bindings.

import { addressPeer } from '../address.js';

/** What is used of a `Request`. */
export interface FetchRequest {
  readonly headers: { get(name: string): string | null };
  readonly signal?: { readonly aborted: boolean } | undefined;
}

interface Handed {
  /** Node. */
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  /** Deno. */
  readonly remoteAddr?: { readonly hostname?: string };
  /** Bun; Hono may have it one level deeper. */
  readonly server?: BunServer;
  requestIP?(request: unknown): { readonly address: string } | null;
}

type BunServer = Required<Pick<Handed, 'requestIP'>>;

/**
 * The default peer: the address of the connection, as `peergate/address` names it. The header `cf-connecting-ip` counts in
 * Workers only; anywhere else the client could have written it.
 *
 * @throws AddressError where nobody knows the address.
 */
export function connectionPeer(request: FetchRequest, handed: unknown): string {
  return addressPeer(addressOf(request, handed as Handed | undefined));
}

function addressOf(request: FetchRequest, handed: Handed | null | undefined): string | undefined {
  if (handed?.incoming !== undefined) return handed.incoming.socket?.remoteAddress;
  if (handed?.remoteAddr !== undefined) return handed.remoteAddr.hostname;
  const server = handed?.server ?? handed;
  if (typeof server?.requestIP === 'function') return server.requestIP(request)?.address;
  return isWorkers() ? (request.headers.get('cf-connecting-ip') ?? undefined) : undefined;
}

function isWorkers(): boolean {
  return globalThis.navigator?.userAgent === 'Cloudflare-Workers';
}
