// One peer's connection: requests go out, answers find their way back by their number.

import { WebSocket } from 'ws';

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly data: { readonly retryAfterMs: number | null } };
}

type Rejection = Answer & { readonly error: { readonly data: { readonly retryAfterMs: number | null } } };

/** Whether it answers a request. A server may send notifications, too. */
export function isAnswer(message: { readonly id?: unknown }): message is Answer {
  return typeof message.id === 'number';
}

/** Whether it is an error of the limiter, and not one of the handler. */
export function isRejection(answer: Answer): answer is Rejection {
  return answer.error !== undefined && answer.error.data !== undefined && 'retryAfterMs' in answer.error.data;
}

export class Line {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  #sent = 0;

  static async to(url: string): Promise<Line> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.on('error', () => {});
    const line = new Line(socket);
    await new Promise((resolve) => socket.once('open', resolve).once('close', resolve));
    return line;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const answer = JSON.parse(String(data)) as Answer;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    socket.on('close', () => this.#giveUp());
  }

  /** The answer, or undefined where none came before the connection closed. */
  ask(method: string, params: unknown): Promise<Answer | undefined> {
    const id = this.#sent++;
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.resolve(undefined);
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  close(): void {
    this.#giveUp();
    this.#socket.terminate();
  }

  #giveUp(): void {
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}
