// The command line: `peergate replay LOG …`. Exit code 2 means that it was called in a wrong way.

import { replay } from './replay/index.js';
import { UsageError } from './usage.js';

const USAGE = `usage: peergate replay LOG [LOG …] [options]

Decides every request of an access log as a limiter would have done, and says who would have been limited.
A LOG is in combined, common or JSON-lines format, compressed with gzip or not; - is standard input.

  --preset NAME    limits to try: default (100 a second, burst 200), lenient (1000, 2000) or strict (10, 20)
  --rate X         requests a second that a peer may make, instead of the preset's
  --burst N        requests that a peer may make together, instead of the preset's
  --spare P        suggest a rate and a burst that touch fewer than P percent of the peers; 0.1 unless given
  --peer FIELD     what names a peer: a field of JSON lines (user.id), or host or user of the other formats
  --time FIELD     the field with the time, in JSON lines
  --json           print the report as JSON
  --html FILE      also write the report as one HTML file
  --help           print this
`;

// Whoever reads the report may stop reading, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const [command, ...args] = process.argv.slice(2);
try {
  if (command === '--help' || command === '-h' || (command === 'replay' && args.includes('--help'))) {
    process.stdout.write(USAGE);
  } else if (command === 'replay') {
    await replay(args);
  } else {
    throw new UsageError(command === undefined ? 'expected a command' : `there is no command ${command}`);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`peergate: ${error.message}\n${error.brief ? '' : '\nTry peergate --help.\n'}`);
  process.exitCode = 2;
}
