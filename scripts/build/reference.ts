// The API reference, written from the docstrings as Markdown: a folder of docs/ that is not committed, but published.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNode } from './node.js';
import { filesBelow, root, step } from './stamp.js';

const FOLDER = 'docs/api';

const INPUTS = [
  'src',
  'assembly/layout.ts',
  'assembly/debt-layout.ts',
  'assembly/event-layout.ts',
  'assembly/setting-layout.ts',
  'typedoc.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/build',
];

export async function buildReference(): Promise<void> {
  await step('the API reference', [...INPUTS, 'package-lock.json'], [FOLDER], async () => {
    rmSync(join(root, FOLDER), { recursive: true, force: true });
    await runNode('node_modules/typedoc/bin/typedoc');
    const entry = join(root, FOLDER, 'README.md');
    writeFileSync(entry, readFileSync(entry, 'utf8').replace('\n', `\n\n${introduction()}\n`));
  });
}

/** What the generator's first page lacks: where the other entries are. */
function introduction(): string {
  const others = [
    `${FOLDER}/adaptive.md`,
    `${FOLDER}/cluster.md`,
    `${FOLDER}/flow.md`,
    ...filesBelow(`${FOLDER}/adapters`),
  ].map((file) => {
    const page = file.slice(FOLDER.length + 1);
    return `[\`peergate/${page.replace(/^adapters\/|\.md$/g, '')}\`](${page})`;
  });
  return `Generated from the docstrings. This page is about \`peergate\`; there is one about ${others.join(', ')}.`;
}
