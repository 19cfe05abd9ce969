/** @file Unit length, as torch.nn.functional.normalize and sentence-transformers' Normalize. */
import { add, div, relu, sqrt, square, sub, sum, type Tensor } from "@stagecoach/graph";

/** The least length that is divided by: torch.nn.functional.normalize's `eps`. */
export const NORMALIZE_EPSILON = 1e-12;

/** `x / max(|x|, 1e-12)` over the last dimension. */
export function normalize(x_BD: Tensor): Tensor {
  const length_B1 = sqrt(sum(square(x_BD), { axis: -1, keepDims: true }));
  // max(a, e) = relu(a - e) + e
  return div(x_BD, add(relu(sub(length_B1, NORMALIZE_EPSILON)), NORMALIZE_EPSILON));
}

/** The same for one vector in JavaScript memory, in place, with its length in float64. */
export function normalizeInPlace(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.max(Math.sqrt(squares), NORMALIZE_EPSILON);
  for (let index = 0; index < vector.length; index++) vector[index] = vector[index]! / length;
  return vector;
}
