// A streamed body, watched: its first chunk settles a probe, and its end is the end of the request. To watch a body costs a stream
// of its own, and it hides from the server that a body is plain text. So only what looks like a stream is watched.

import type { Passage } from '../../index.js';

/** Types of bodies that are sent piece by piece as things happen. */
const STREAMS = /event-stream|ndjson|jsonl|json-seq|x-mixed-replace/;

/** A text says of what type it is; a stream without a type may be anything. */
export function isStreamed({ headers }: Response): boolean {
  const type = headers.get('content-type');
  return type === null ? !headers.has('content-length') : STREAMS.test(type);
}

export function watched<R>(
  body: ReadableStream<Uint8Array>,
  status: number,
  passage: Passage<R>,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const end = { how: 'done', status } as const;
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          passage.settle(end);
          controller.close();
        } else {
          passage.progress(end);
          controller.enqueue(value);
        }
      } catch (error) {
        passage.settle({ how: 'error', error });
        controller.error(error);
      }
    },
    cancel(reason) {
      passage.settle({ how: 'cancelled' });
      return reader.cancel(reason);
    },
  });
}
