// The package as a user would get it: packed from dist/, and looked over by publint and by attw.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { root } from './build/stamp.js';

/** Packs into `folder`; the tarball's path. Builds nothing. */
export function pack(folder: string): string {
  const flags = ['pack', '--json', '--silent', '--ignore-scripts', '--pack-destination', folder];
  const [packed] = JSON.parse(execFileSync('npm', flags, { cwd: root, encoding: 'utf8' })) as { filename: string }[];
  return join(folder, packed?.filename ?? '');
}

/** What publint finds in strict mode: nothing, if all is well. */
export async function publintFindings(tarball: string): Promise<string[]> {
  const bytes = readFileSync(tarball);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
  return messages.map((message) => `${message.type}: ${formatMessage(message, pkg, { color: false })}`);
}

/** What attw finds wrong with the types, for packages that are ES modules alone: nothing, if all is well. */
export function attwFindings(tarball: string): string {
  const bin = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const flags = [bin, tarball, '--profile', 'esm-only', '--no-color', '--no-emoji'];
  const { status, stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' });
  return status === 0 ? '' : `${stdout}${stderr}`;
}
