// "What do my honest peers notice when another peer sends as fast as it can?"

import type { Question } from '../question.js';
import { type Defence, underFlood } from '../server/flood.js';

const row = (name: string, defence: Defence, isFlooded = true) => ({
  row: name,
  column: '',
  measure: () => underFlood(defence, isFlooded),
});

export const serverFlood: Question = {
  name: 'server-flood',
  title: 'A JSON-RPC server under a flood',
  about:
    'json-rpc-2.0 over ws on loopback, 0.2 ms of work a request, default limits, 5 s: eight honest peers that ask 20 times ' +
    'a second each, and one that sends as fast as it can, each kind in a process of its own.',
  cases: [
    row('no flood, with guardJsonRpc', 'adapter', false),
    row('no limiter', 'none'),
    row('a limiter, every rejection answered', 'answering'),
    row('a limiter, rejections dropped in silence', 'silent'),
    row('guardJsonRpc', 'adapter'),
  ],
  shown: { as: 'list' },
};
