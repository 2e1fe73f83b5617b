// What a user did wrong on the command line.

/** Ends the program with exit code 2 and this message. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** Whether the message says everything: a file is missing, and no help about options is of use. */
  readonly brief: boolean;

  constructor(message: string, brief = false) {
    super(message);
    this.brief = brief;
  }
}
