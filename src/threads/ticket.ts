// A ticket lets one other thread join a table. It is what `postMessage` can carry: shared memory, a compiled module and
// numbers. The number it reserves is its thread's alone until somebody detaches it.

import { SharingError, shown } from '../errors.js';
import { type Core, HEADER_END, joinCore, MAX_THREADS, tableBytes } from '../wasm/core.js';
import { EXPECTED, readHeader } from '../wasm/reading.js';

/** Made by `RateLimiter.share()`, for one thread. Can be cloned into a worker, not stored. */
export interface Ticket {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  /** The thread's number at the table, 0 … 31. */
  readonly thread: number;
  /** Tells this reservation of the number from earlier and later ones. */
  readonly tenancy: number;
}

/** @throws SharingError where this engine or page may not share memory. */
export function requireSharedMemory(): void {
  if (typeof SharedArrayBuffer === 'undefined' || globalThis.crossOriginIsolated === false) {
    throw new SharingError(
      'ERR_PEERGATE_SHARED_MEMORY',
      'shared: expected an environment that can share memory between threads, got one without: a page must be served ' +
        'with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
    );
  }
}

/** @throws SharingError when as many threads as there can be have a ticket. */
export function reserveTicket(core: Core, module: WebAssembly.Module): Ticket {
  const { memory, threads } = core;
  if (threads === undefined) {
    throw new SharingError(
      'ERR_PEERGATE_NOT_SHARED',
      'share: expected a limiter made with `shared: true`, got another',
    );
  }
  const thread = threads.reserve();
  if (thread < 0) {
    throw new SharingError(
      'ERR_PEERGATE_THREADS',
      `share: expected fewer than ${MAX_THREADS} threads at the table, got ${MAX_THREADS}: detach those that are gone`,
    );
  }
  return { memory, module, thread, tenancy: threads.tenancyOf(thread) };
}

/** @throws SharingError for what is no ticket, a table of another version, or a ticket that was used or given back. */
export function joinTable(ticket: Ticket): Core {
  requireTicket(ticket);
  const { memory, thread } = ticket;
  const { magic, abi, maxPeers } = readHeader(memory);
  if (magic !== EXPECTED.magic) throw badTicket(`memory with a table (${EXPECTED.magic})`, `memory with ${magic}`);
  if (abi !== EXPECTED.abi) throw badTicket(`a table of version ${EXPECTED.abi}`, `one of version ${abi}`);
  const { byteLength } = memory.buffer;
  const bytes = tableBytes(maxPeers, MAX_THREADS);
  if (byteLength < bytes) throw badTicket(`memory of ${bytes} bytes for ${maxPeers} peers`, `${byteLength} bytes`);
  const core = joined(ticket, maxPeers);
  if (core === undefined) throw badTicket('a ticket that is free to be used', `thread ${thread}, used or given back`);
  return core;
}

/** A module that is not the table's fails in its own way, at its imports or at what it does not export. */
function joined({ memory, module, thread, tenancy }: Ticket, maxPeers: number): Core | undefined {
  try {
    return joinCore(module, memory, maxPeers, thread, tenancy);
  } catch (error) {
    throw badTicket('the module that share() gave with its memory', `another module (${(error as Error).message})`);
  }
}

/** @throws SharingError for what is no ticket. */
export function requireTicket(ticket: Ticket): void {
  if (typeof ticket !== 'object' || ticket === null) throw badTicket(MADE_BY_SHARE, shown(ticket));
  const { memory, module, thread, tenancy } = fieldsOf(ticket);
  const bytes = sharedBytes(memory);
  if (bytes < HEADER_END) throw badTicket('shared memory with a table', `shared memory of ${bytes} bytes`);
  if (!(module instanceof WebAssembly.Module)) throw badTicket('a compiled module', shown(module));
  if (!Number.isInteger(thread) || thread < 0 || thread >= MAX_THREADS) {
    throw badTicket(`a thread from 0 to ${MAX_THREADS - 1}`, shown(thread));
  }
  if (!Number.isInteger(tenancy)) throw badTicket('a whole tenancy', shown(tenancy));
}

const MADE_BY_SHARE = 'an object made by share()';

/** The fields, of which reading one may throw where somebody put a Proxy in between. */
function fieldsOf(ticket: Ticket): Ticket {
  try {
    const { memory, module, thread, tenancy } = ticket;
    if (typeof (ticket as Partial<Sharing>).share === 'function' && memory === undefined) {
      throw badTicket(MADE_BY_SHARE, 'a limiter: hand over what its share() gives');
    }
    return { memory, module, thread, tenancy };
  } catch (error) {
    if (error instanceof SharingError) throw error;
    throw badTicket(MADE_BY_SHARE, 'an object whose fields cannot be read');
  }
}

interface Sharing {
  share(): Ticket;
}

/** The length of shared memory. A Proxy of a memory passes for one until its buffer is asked for. */
function sharedBytes(memory: unknown): number {
  if (!(memory instanceof WebAssembly.Memory)) throw badTicket('shared memory', shown(memory));
  let buffer: unknown;
  try {
    buffer = memory.buffer;
  } catch {
    throw badTicket('shared memory', 'an object that only looks like memory');
  }
  if (!(buffer instanceof SharedArrayBuffer)) throw badTicket('shared memory', 'memory that is not shared');
  return buffer.byteLength;
}

function badTicket(expected: string, came: string): SharingError {
  return new SharingError('ERR_PEERGATE_TICKET', `ticket: expected ${expected}, got ${came}`);
}
