// The demo's command line.

import { parseArgs } from 'node:util';
import { presets } from '../../src/index.js';

export interface DemoOptions {
  /** How long it runs: three tenths quiet, the rest under attack. */
  readonly seconds: number;
  readonly preset: keyof typeof presets;
  /** Whether the limiter is on. */
  readonly isProtected: boolean;
  /** Threads that serve behind one port, with one table. */
  readonly workers: number;
  /** Processes that hold one limit together, over Redis or Valkey; 1 is one process alone. */
  readonly nodes: number;
  /** One JSON object at the end instead of tables. */
  readonly json: boolean;
  /** Where metrics and a page with plots are served; 0 is any port that is free. Nothing is served without it. */
  readonly metricsPort?: number;
}

const LEAST_SECONDS = 5;
const MOST_SECONDS = 3600;
const MOST_WORKERS = 32;
const MOST_NODES = 8;
/** A node's part of a burst, below which honest peers would have to wait for the server. */
const LEAST_OF_BURST = 5;

const presetLines = Object.entries(presets).map(
  ([name, { maxRequestsPerSec, burstSize, circuitBreakerThreshold }]) =>
    `                   ${name.padEnd(8)} ${maxRequestsPerSec} requests a second after a burst of ${burstSize};` +
    ` ${circuitBreakerThreshold} failures open a circuit`,
);

export const USAGE = `usage: npm run demo -- [options]

A JSON-RPC server and its clients, each in a process of its own: eight honest peers, one that floods, one whose requests
fail, and one that takes a new name for every request. The first three tenths of the time are quiet. The exit code is 0
if the limiter kept its promises, 1 if not, 2 for a bad option.

  --seconds N      how long to run, from ${LEAST_SECONDS} to ${MOST_SECONDS}; default 10. On a busy machine it takes up to a minute longer,
                   until the flooder was rejected and the circuit has opened and closed
  --preset NAME    the limits; default 'default':
${presetLines.join('\n')}
  --workers N      threads that serve behind one port with one table, from 1 to ${MOST_WORKERS}; default 1
  --nodes N        processes with one limit over redis-server or valkey-server, from 1 to ${MOST_NODES}; default 1. The server is
                   started for the run, killed on the way and started again; the flooder and the honest peers use all nodes
  --unprotected    run without the limiter, to compare
  --metrics PORT   serve /metrics for Prometheus and a page with live plots on 127.0.0.1; 0 is any free port
  --json           print one JSON object at the end instead of tables
  --help           print this`;

/** The options, or `'help'` where they ask for it. @throws Error that says what was expected and what came. */
export function readOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '10' },
      preset: { type: 'string', default: 'default' },
      workers: { type: 'string', default: '1' },
      nodes: { type: 'string', default: '1' },
      metrics: { type: 'string' },
      unprotected: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const seconds = Number(values.seconds);
  if (!(seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS)) {
    throw new Error(`--seconds: expected a number from ${LEAST_SECONDS} to ${MOST_SECONDS}, got '${values.seconds}'`);
  }
  if (!Object.hasOwn(presets, values.preset)) {
    throw new Error(`--preset: expected one of ${Object.keys(presets).join(', ')}, got '${values.preset}'`);
  }
  const workers = Number(values.workers);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= MOST_WORKERS)) {
    throw new Error(`--workers: expected an integer from 1 to ${MOST_WORKERS}, got '${values.workers}'`);
  }
  if (workers > 1 && process.platform === 'win32') {
    throw new Error(`--workers: expected 1 on Windows, where threads cannot share a port, got '${values.workers}'`);
  }
  const metricsPort = values.metrics === undefined ? undefined : Number(values.metrics);
  if (metricsPort !== undefined && !(Number.isInteger(metricsPort) && metricsPort >= 0 && metricsPort <= 65_535)) {
    throw new Error(`--metrics: expected a port from 0 to 65535, got '${values.metrics}'`);
  }
  const preset = values.preset as keyof typeof presets;
  const nodes = Number(values.nodes);
  const most = Math.min(MOST_NODES, Math.floor(presets[preset].burstSize / LEAST_OF_BURST));
  if (!(Number.isInteger(nodes) && nodes >= 1 && nodes <= most)) {
    throw new Error(`--nodes: expected an integer from 1 to ${most} with this preset, got '${values.nodes}'`);
  }
  if (nodes > 1 && (workers > 1 || metricsPort !== undefined || values.unprotected)) {
    throw new Error('--nodes: expected neither --workers nor --metrics nor --unprotected beside it');
  }
  const options = { seconds, preset, isProtected: !values.unprotected, workers, nodes, json: values.json };
  return metricsPort === undefined ? options : { ...options, metricsPort };
}
