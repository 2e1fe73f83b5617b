/** A message socket in memory that delivers what it is told, paused or not. */

import type { FrameData, MessageSocket } from '../../src/adapters/json-rpc.js';

export class FakeSocket implements MessageSocket {
  readyState = 1;
  bufferedAmount = 0;
  isPaused = false;
  pauses = 0;
  readonly sent: string[] = [];
  closedWith: [number, string] | undefined;
  readonly #listeners = new Map<string, (argument: never) => void>();

  on(event: string, listener: (argument: never) => void): void {
    this.#listeners.set(event, listener);
  }

  deliver(data: FrameData): void {
    this.#listeners.get('message')?.(data as never);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  pause(): void {
    this.isPaused = true;
    this.pauses++;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(code: number, reason: string): void {
    this.readyState = 2;
    this.closedWith = [code, reason];
  }

  terminate(): void {
    this.readyState = 3;
    this.#listeners.get('close')?.(undefined as never);
  }
}
