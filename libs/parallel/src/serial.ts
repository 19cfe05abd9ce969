/** @file Work that must not overlap with other work of its kind. */

export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs after everything that was given before, whether that failed or not. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => {});
    return result;
  }
}
