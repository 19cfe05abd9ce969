/** @file Means over what comes batch by batch. */

/** A mean that grows. */
export class RunningMean {
  #sum = 0;
  #weight = 0;

  add(value: number, weight = 1): void {
    this.#sum += value * weight;
    this.#weight += weight;
  }

  /** Null when nothing was added, or the mean is not finite. */
  get value(): number | null {
    return finiteOrNull(this.#sum / this.#weight);
  }
}

export const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
