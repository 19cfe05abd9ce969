/** @file Work that a request asks for and that may take a process of its own: so much at once, and none when the server stops. */
import { RefusedError } from "./errors.ts";

type BoundedWorkOptions = {
  readonly max: number;
  /** Of which there may be so many, and what is done to them: "jobs are being validated". */
  readonly what: string;
};

export class BoundedWork {
  readonly #options: BoundedWorkOptions;
  readonly #closing = new AbortController();
  #atWork = 0;

  constructor(options: BoundedWorkOptions) {
    this.#options = options;
  }

  /**
   * @param signal - of whoever asks; `work` gets one that also ends when this closes
   * @throws RefusedError `overloaded`, `jobs_unavailable` once this is closed; what `work` throws
   */
  async run<Result>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { max, what } = this.#options;
    this.#closing.signal.throwIfAborted();
    if (this.#atWork >= max) {
      const message = `${max} ${what} already: expected one of them to end first (try again soon)`;
      throw new RefusedError("overloaded", message);
    }
    this.#atWork++;
    try {
      return await work(AbortSignal.any([signal, this.#closing.signal]));
    } finally {
      this.#atWork--;
    }
  }

  /** What is at work ends with an error. */
  close(): void {
    this.#closing.abort(new RefusedError("jobs_unavailable", "the server is stopping"));
  }
}
