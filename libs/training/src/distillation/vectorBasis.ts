/**
 * @file A teacher's vectors in fewer dimensions: what a smaller student can be taught to give.
 *
 * The directions are the first eigenvectors of the vectors' second moments, which keep as much of all dot products as any so many
 * directions can (Eckart and Young 1936). sentence-transformers' recipe (model_distillation.py) takes those of the covariance, PCA;
 * without taking off a mean, as it does there too, the difference is one direction.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** Vectors that the directions are found from: more would not change them much, and take long. */
const MAX_SAMPLE = 20_000;

/** `[size, numDirections]`, row by row. */
export type VectorBasis = { readonly size: number; readonly numDirections: number; readonly directions: Float64Array };

/** @param vectors - `[N, size]`, row by row @param numDirections - at most `size` */
export function findBasis(vectors: Float32Array, size: number, numDirections: number): VectorBasis {
  const moments = secondMoments(vectors, size);
  // Eigenvalues come in ascending order.
  const { eigenvectorMatrix } = new EigenvalueDecomposition(moments, { assumeSymmetric: true });
  const directions = new Float64Array(size * numDirections);
  for (let direction = 0; direction < numDirections; direction++) {
    for (let place = 0; place < size; place++)
      directions[place * numDirections + direction] = eigenvectorMatrix.get(place, size - 1 - direction);
  }
  return { size, numDirections, directions };
}

function secondMoments(vectors: Float32Array, size: number): Matrix {
  const numVectors = vectors.length / size;
  const step = Math.max(1, Math.ceil(numVectors / MAX_SAMPLE));
  const sums = new Float64Array(size * size);
  for (let vector = 0; vector < numVectors; vector += step) {
    const row = vectors.subarray(vector * size, (vector + 1) * size);
    for (let i = 0; i < size; i++) {
      const value = row[i]!;
      for (let j = 0; j <= i; j++) sums[i * size + j]! += value * row[j]!;
    }
  }
  const moments = Matrix.zeros(size, size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      moments.set(i, j, sums[i * size + j]!);
      moments.set(j, i, sums[i * size + j]!);
    }
  }
  return moments;
}

/** `[N, numDirections]` @param vectors - `[N, size]` */
export function inBasis(vectors: Float32Array, { size, numDirections, directions }: VectorBasis): Float32Array {
  const numVectors = vectors.length / size;
  const result = new Float32Array(numVectors * numDirections);
  const sums = new Float64Array(numDirections);
  for (let vector = 0; vector < numVectors; vector++) {
    sums.fill(0);
    for (let place = 0; place < size; place++) {
      const value = vectors[vector * size + place]!;
      const start = place * numDirections;
      for (let direction = 0; direction < numDirections; direction++)
        sums[direction]! += value * directions[start + direction]!;
    }
    result.set(sums, vector * numDirections);
  }
  return result;
}
