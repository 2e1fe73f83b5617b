// When a call runs out of time. How deadlines are kept differs between runtimes; what they are does not.

export abstract class Deadline {
  /** Its neighbours in a ring of deadlines. At first it is alone in its own. */
  previous: Deadline = this;
  next: Deadline = this;
  dueMs = 0;
  /** Its own timer, if it has one. */
  timer: ReturnType<typeof setTimeout> | undefined = undefined;

  /** Its time is up. It is in no ring any more. */
  abstract expire(): void;
}
