/** @file What a worker says that cannot load the stage that it was given. */

/** Trying again is of no use: the worker has the same files then. */
export class StageRefusedError extends Error {
  override readonly name = "StageRefusedError";
  /** As the worker has given it. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
