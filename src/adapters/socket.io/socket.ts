/** What is used of a socket. */
export interface SocketLike {
  readonly connected: boolean;
  readonly handshake: { readonly address: string };
  use(middleware: (event: unknown[], next: () => void) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
  disconnect(close?: boolean): unknown;
}
