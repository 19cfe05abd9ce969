/**
 * @file How similar texts are, by their vectors.
 *
 * Dimensions: n texts, E size of a vector.
 */

/** A square matrix, row-major. */
export type SquareMatrix = { readonly size: number; readonly values: Float64Array };

/** Inner products of all pairs. @param vectors - `[n][E]` @returns `[n, n]` */
export function gramMatrix(vectors: readonly ArrayLike<number>[]): SquareMatrix {
  const size = vectors.length;
  const values = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const [a, b] = [vectors[row]!, vectors[column]!];
      let total = 0;
      for (let index = 0; index < a.length; index++) total += a[index]! * b[index]!;
      values[row * size + column] = values[column * size + row] = total;
    }
  }
  return { size, values };
}

/** Cosines of the vectors of a Gram matrix; 0 for a vector of zeros. */
export function cosinesOf({ size, values }: SquareMatrix): SquareMatrix {
  const lengths = Float64Array.from({ length: size }, (_, row) => Math.sqrt(values[row * size + row]!));
  const cosines = values.map((value, index) => {
    const product = lengths[Math.floor(index / size)]! * lengths[index % size]!;
    return product === 0 ? 0 : Math.min(1, Math.max(-1, value / product));
  });
  return { size, values: cosines };
}

export function entryOf({ size, values }: SquareMatrix, row: number, column: number): number {
  return values[row * size + column]!;
}

/** The others, the most similar first. */
export function nearestOf(cosines: SquareMatrix, row: number, count: number): number[] {
  return Array.from({ length: cosines.size }, (_, index) => index)
    .filter((index) => index !== row)
    .toSorted((a, b) => entryOf(cosines, row, b) - entryOf(cosines, row, a) || a - b)
    .slice(0, count);
}

/** The smallest and the largest cosine of two different texts. */
export function rangeOf({ size, values }: SquareMatrix): readonly [least: number, most: number] {
  let [least, most] = [Infinity, -Infinity];
  values.forEach((value, index) => {
    if (Math.floor(index / size) === index % size) return;
    least = Math.min(least, value);
    most = Math.max(most, value);
  });
  return least <= most ? [least, most] : [-1, 1];
}
