// Seeing what came of a request inside the server.
//
// A response shows whether its request failed. A notification has none: the server answers a handler's crash and a handler's
// success alike, with null, and only a middleware sees the difference. One middleware a server serves all its connections. A
// request that is watched carries the box for what is seen of it under a symbol, so that a copy made by another middleware
// has it, too.

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
  // It looks on without a promise of its own, so that a request is neither dearer nor later for it.
  server.applyMiddleware((next, request, serverParams) => {
    const sighting = (request as Watched)[SIGHTING];
    if (sighting !== undefined) sighting.reached = true;
    try {
      const response = next(request, serverParams);
      if (sighting !== undefined) response.then(undefined, (error) => crashed(sighting, error));
      return response;
    } catch (error) {
      if (sighting !== undefined) crashed(sighting, error);
      // Not thrown: the server would answer it at once, before what came earlier and went well.
      return Promise.reject(error);
    }
  });
}

function crashed(sighting: Sighting, error: unknown): void {
  sighting.crash = { error };
}

/** Gives a request its box. */
export function watchRequest(request: JSONRPCRequest): Sighting {
  const sighting: Sighting = { reached: false, crash: undefined };
  (request as Watched)[SIGHTING] = sighting;
  return sighting;
}
