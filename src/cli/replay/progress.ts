// A bar on the terminal, drawn on standard error so that it is not in the report. Elsewhere nothing is drawn.

const WIDTH = 30;
const EVERY_MS = 100;

export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class Progress {
  readonly #terminal: Terminal;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(terminal: Terminal = process.stderr) {
    this.#terminal = terminal;
  }

  /** @param total Unknown for standard input: then `done` is shown as it is. */
  show(what: string, done: number, total: number | undefined): void {
    if (!this.#terminal.isTTY) return;
    const now = performance.now();
    if (now - this.#drawnAt < EVERY_MS) return;
    this.#drawnAt = now;
    this.#terminal.write(`\r\x1b[K${what} ${total === undefined ? done.toLocaleString('en') : bar(done / total)}`);
  }

  clear(): void {
    if (this.#terminal.isTTY && this.#drawnAt > 0) this.#terminal.write('\r\x1b[K');
  }
}

function bar(part: number): string {
  const share = Math.min(part, 1);
  const filled = Math.round(share * WIDTH);
  return `[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${Math.floor(share * 100)} %`;
}
