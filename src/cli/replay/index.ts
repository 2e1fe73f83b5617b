// `peergate replay`: reads a log, decides its requests, reports.

import { statSync, writeFileSync } from 'node:fs';
import { UsageError } from '../usage.js';
import { decide } from './decide.js';
import { EntryReader } from './entry.js';
import { htmlOf } from './html.js';
import { readLines } from './lines.js';
import { isNameable, RequestLog } from './log.js';
import { Progress } from './progress.js';
import { reportOf } from './report.js';
import { settingsOf } from './settings.js';
import { suggest } from './suggest.js';
import { textOf } from './text.js';

/** @throws UsageError for a bad option, and for a file that cannot be read or written. */
export async function replay(args: readonly string[]): Promise<void> {
  const settings = settingsOf(args);
  const sizes = settings.files.map(sizeOf);
  const total = sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const progress = new Progress();
  const reader = new EntryReader(settings.peerField, settings.timeField);
  const log = new RequestLog();
  const broken: { file: string; reason: string }[] = [];
  let bytes = 0;
  for (const file of settings.files) {
    let number = 0;
    const line = (text: string | undefined) => {
      number++;
      if (text?.trim() === '') return;
      log.lines++;
      const entry = text === undefined ? 'longer than a million characters' : reader.read(text);
      if (typeof entry === 'string') log.skip(file, number, entry, text ?? '');
      else if (!isNameable(entry.client)) log.skip(file, number, 'a client with a name of over 1024 bytes', text ?? '');
      else log.add(entry);
    };
    const read = (count: number) => {
      bytes += count;
      progress.show('reading', bytes, total);
    };
    try {
      await readLines(file, { line, read });
    } catch (error) {
      const { code, syscall, message } = error as NodeJS.ErrnoException;
      if (syscall !== undefined) throw new UsageError(`${file} cannot be read: ${message}`, true);
      if (!code?.startsWith('Z_')) throw error;
      // A packed file that is cut or damaged. What came before is good, so it counts.
      broken.push({ file, reason: message });
    }
  }
  log.sort();
  const verdicts = decide(log, settings.limits, (done) => progress.show('deciding', done, log.length));
  const suggestion =
    log.length === 0 ? null : suggest(log, settings.spare, (done) => progress.show('comparing', done, 1));
  progress.clear();
  const report = reportOf(settings, log, verdicts, suggestion, broken);
  if (settings.html !== undefined) write(settings.html, htmlOf(report));
  process.stdout.write(settings.json ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report));
}

/** Undefined for what has no size. A file that is missing is found before another is read for minutes. */
function sizeOf(file: string): number | undefined {
  if (file === '-') return undefined;
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) throw new UsageError(`${file} is a folder`, true);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, true);
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UsageError(`${file} cannot be written: ${(error as Error).message}`, true);
  }
}
