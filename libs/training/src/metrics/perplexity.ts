/** @file Perplexity of a language model. */

/**
 * `exp(loss)`.
 *
 * @param loss - mean negative log likelihood (natural logarithm) of the predicted tokens
 * @returns null when the loss is null or too large (above 709) to have a finite exponential
 */
export function perplexity(loss: number | null): number | null {
  const value = loss === null ? NaN : Math.exp(loss);
  return Number.isFinite(value) ? value : null;
}
