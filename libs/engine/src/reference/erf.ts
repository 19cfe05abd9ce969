/** @file The error function in float64. */

/**
 * `erf(x)` to about 1e-15, by its series `2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!!` (all terms of one sign, so nothing
 * cancels); beyond 6 it is 1 in float64.
 *
 * @see Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > Math.abs(total) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}
