// Seeing what came of a request inside the server.
//
// A response shows whether its request failed. A notification has none: the server answers a handler's crash and a handler's
// success alike, with null, and only a middleware sees the difference. One middleware a server serves all its connections;
// each request carries the box for what is seen of it under a symbol, so that also a copy made by another middleware
// still has it.

import type { JSONRPCRequest, JSONRPCServer } from 'json-rpc-2.0';

/** What was seen of one request. */
export interface Sighting {
  /** It reached the method, or what stands in for a method that is not there. */
  reached: boolean;
  /** What the method threw, in a box of its own since anything can be thrown. */
  crash: { readonly error: unknown } | undefined;
}

const SIGHTING = Symbol('peergate.sighting');

type Watched = JSONRPCRequest & { [SIGHTING]?: Sighting };

const watchedServers = new WeakSet<object>();

/** Adds the middleware, once however often it is called. */
export function watchServer<ServerParams>(server: JSONRPCServer<ServerParams>): void {
  if (watchedServers.has(server)) return;
  watchedServers.add(server);
  server.applyMiddleware(async (next, request, serverParams) => {
    const sighting = (request as Watched)[SIGHTING];
    if (sighting === undefined) return next(request, serverParams);
    sighting.reached = true;
    try {
      return await next(request, serverParams);
    } catch (error) {
      sighting.crash = { error };
      throw error;
    }
  });
}

/** Gives a request its box. */
export function watchRequest(request: JSONRPCRequest): Sighting {
  const sighting: Sighting = { reached: false, crash: undefined };
  (request as Watched)[SIGHTING] = sighting;
  return sighting;
}
