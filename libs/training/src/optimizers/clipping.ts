/** @file Clipping by global norm over all parameters of all stages, as torch.nn.utils.clip_grad_norm_. */

/** torch adds this to the norm before it divides. */
const TORCH_EPSILON = 1e-6;

/**
 * Euclidean norm over all parameters. Squares are added in the order of the names, so that the sum does not depend on how the
 * model is split.
 *
 * @param squares - sum of squares of each parameter's gradient
 */
export function globalNorm(squares: Readonly<Record<string, number>>): number {
  const names = Object.keys(squares).toSorted();
  return Math.sqrt(names.reduce((sum, name) => sum + squares[name]!, 0));
}

/** What gradients are multiplied by so that their norm is at most `maxNorm`; 1 when that is 0 (no clipping). */
export function clippingScale(norm: number, maxNorm: number): number {
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + TORCH_EPSILON));
}
