/** The examples of the adapters for gRPC, Connect and libp2p run, say what they should, and are short. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { engineOf } from '../bench/install.js';

const test = suite('examples of RPC adapters');

function said(name: string, node = process.execPath, args = ['--import', 'tsx']): string {
  const file = fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url));
  assert.ok(readFileSync(file, 'utf8').trimEnd().split('\n').length < 40, `${name}: under 40 lines`);
  const { stdout, stderr, status } = spawnSync(node, [...args, file], { encoding: 'utf8', timeout: 120_000 });
  assert.is(stderr, '');
  assert.is(status, 0);
  return stdout;
}

test('grpc: calls are answered up to the burst, and the next one is told to wait', () => {
  assert.match(said('grpc'), /^(Hello you\n){3}Rate limit exceeded, again in \d+ ms\n$/);
});

test('connect: calls are answered up to the burst, and the next one is told to wait', () => {
  const pattern = /^(200 "Hello you"\n){3}429 \{"code":"resource_exhausted".*"type":"google.rpc.RetryInfo".*\n$/;
  assert.match(said('connect'), pattern);
});

test('libp2p: streams are answered up to the burst, and the next one is reset', () => {
  assert.match(said('libp2p', engineOf('22')), /^(hello\n){3}turned away: .+\n$/);
});

test.run();
