/**
 * @file Principal components of vectors by the Gram matrix of their centred selves, which is n by n however long the vectors are.
 *
 * Block Krylov iteration: a few columns, their products with the matrix and the products of those, turned by Rayleigh and Ritz,
 * whose best columns begin the next round (Musco and Musco 2015, arXiv 1504.05477); eigenvectors of the small matrix by Jacobi's
 * rotations (Golub and Van Loan, Matrix Computations, 8.5). Several columns find equal eigenvalues too, and the products make few
 * rounds of many texts without a direction that stands out.
 *
 * Dimensions: n texts.
 */
import type { SquareMatrix } from "./cosines.ts";

export type Components = {
  /** `[n][2]`: places of the texts. Of the two signs an axis can have, the one by which its largest value is positive. */
  readonly points: readonly (readonly [number, number])[];
  /** Shares of the whole variance on the two axes. */
  readonly shares: readonly [number, number];
};

/** Columns of a block, and how often the matrix is applied to them in a round. */
const [COLUMNS, DEPTH] = [4, 8];
const MAX_ROUNDS = 60;
/** Of a residual against the largest eigenvalue. */
const ENOUGH = 1e-9;

/** @param gram - inner products of the vectors, not centred */
export function principalComponents(gram: SquareMatrix): Components {
  const { size } = gram;
  const centred = centre(gram);
  const variance = Array.from({ length: size }, (_, row) => centred.values[row * size + row]!).reduce(
    (a, b) => a + b,
    0,
  );
  const { values, vectors } = largestEigenpairs(centred, Math.min(COLUMNS, size));
  const axes = [0, 1].map((axis) => {
    const scale = Math.sqrt(Math.max(0, values[axis] ?? 0));
    return positive((vectors[axis] ?? new Float64Array(size)).map((value) => value * scale));
  });
  const share = (axis: number) => (variance > 0 ? Math.max(0, values[axis] ?? 0) / variance : 0);
  return {
    points: Array.from({ length: size }, (_, row) => [axes[0]![row]!, axes[1]![row]!] as const),
    shares: [share(0), share(1)],
  };
}

/** Inner products after the mean of all vectors is taken from each. */
function centre({ size, values }: SquareMatrix): SquareMatrix {
  const means = Float64Array.from({ length: size }, (_, row) => {
    let total = 0;
    for (let column = 0; column < size; column++) total += values[row * size + column]!;
    return total / size;
  });
  const mean = means.reduce((a, b) => a + b, 0) / size;
  return {
    size,
    values: values.map((value, index) => value - means[Math.floor(index / size)]! - means[index % size]! + mean),
  };
}

type Eigenpairs = { readonly values: readonly number[]; readonly vectors: readonly Float64Array[] };

/** @param matrix - symmetric, none of its eigenvalues negative */
function largestEigenpairs(matrix: SquareMatrix, numColumns: number): Eigenpairs {
  let block = orthonormal(Array.from({ length: numColumns }, (_, column) => startOf(matrix.size, column)));
  for (let round = 1; ; round++) {
    const { basis, images } = expand(matrix, block);
    const small = basis.flatMap((a) => images.map((b) => dot(a, b)));
    const turned = jacobi({ size: basis.length, values: Float64Array.from(small) });
    const best = turned.vectors.slice(0, numColumns);
    const vectors = best.map((weights) => combine(basis, weights));
    const isDone = best.slice(0, 2).every((weights, column) => {
      const image = combine(images, weights);
      const residual = image.map((value, row) => value - turned.values[column]! * vectors[column]![row]!);
      return Math.sqrt(dot(residual, residual)) <= ENOUGH * Math.abs(turned.values[0]!);
    });
    if (isDone || round === MAX_ROUNDS) return { values: turned.values, vectors };
    block = vectors;
  }
}

/** The block and its products with the matrix, orthonormal, and the product of the matrix with each of them. */
function expand(matrix: SquareMatrix, block: readonly Float64Array[]) {
  const basis: Float64Array[] = [];
  const images: Float64Array[] = [];
  let last = block;
  for (let depth = 0; depth <= DEPTH && last.length > 0; depth++) {
    const next = last.map((vector) => product(matrix, vector));
    basis.push(...last);
    images.push(...next);
    last = orthonormal(next, basis).slice(0, matrix.size - basis.length);
  }
  return { basis, images };
}

/** Something without a pattern, and the same each time. */
function startOf(size: number, column: number): Float64Array {
  return Float64Array.from(
    { length: size },
    (_, row) => (Math.sin((row * COLUMNS + column + 1) * 12.9898) * 43758.5453) % 1,
  );
}

/** Gram and Schmidt, twice, for what the first time leaves. A column that depends on those before it is left out. */
function orthonormal(columns: readonly Float64Array[], before: readonly Float64Array[] = []): Float64Array[] {
  const done: Float64Array[] = [];
  for (const column of columns) {
    let rest = column;
    for (let pass = 0; pass < 2; pass++) {
      for (const other of [...before, ...done]) {
        const along = dot(rest, other);
        rest = rest.map((value, row) => value - along * other[row]!);
      }
    }
    const length = Math.sqrt(dot(rest, rest));
    if (length > 1e-12 * Math.sqrt(dot(column, column))) done.push(rest.map((value) => value / length));
  }
  return done;
}

/** All eigenpairs of a small symmetric matrix, the largest first. */
function jacobi({ size, values }: SquareMatrix): Eigenpairs {
  const a = Float64Array.from(values);
  const turns = Float64Array.from({ length: size * size }, (_, index) => (index % (size + 1) === 0 ? 1 : 0));
  const total = Math.sqrt(dot(a, a));
  for (let sweep = 0; sweep < 50; sweep++) {
    let largest = 0;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const offDiagonal = a[p * size + q]!;
        largest = Math.max(largest, Math.abs(offDiagonal));
        if (offDiagonal !== 0) rotate({ a, turns, size }, p, q);
      }
    }
    if (largest <= 1e-16 * total) break;
  }
  const order = Array.from({ length: size }, (_, index) => index).toSorted(
    (x, y) => a[y * size + y]! - a[x * size + x]!,
  );
  return {
    values: order.map((index) => a[index * size + index]!),
    vectors: order.map((column) => Float64Array.from({ length: size }, (_, row) => turns[row * size + column]!)),
  };
}

type Turning = { readonly a: Float64Array; readonly turns: Float64Array; readonly size: number };

/** Make entry (p, q) zero. */
function rotate({ a, turns, size }: Turning, p: number, q: number): void {
  const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * a[p * size + q]!);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(t, 1);
  const sine = t * cosine;
  const turn = (matrix: Float64Array, first: number, second: number) => {
    const [x, y] = [matrix[first]!, matrix[second]!];
    matrix[first] = cosine * x - sine * y;
    matrix[second] = sine * x + cosine * y;
  };
  for (let index = 0; index < size; index++) turn(a, index * size + p, index * size + q);
  for (let index = 0; index < size; index++) turn(a, p * size + index, q * size + index);
  for (let index = 0; index < size; index++) turn(turns, index * size + p, index * size + q);
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let index = 0; index < a.length; index++) total += a[index]! * b[index]!;
  return total;
}

function product({ size, values }: SquareMatrix, vector: Float64Array): Float64Array {
  return Float64Array.from({ length: size }, (_, row) => dot(values.subarray(row * size, (row + 1) * size), vector));
}

function combine(columns: readonly Float64Array[], weights: Float64Array): Float64Array {
  return columns[0]!.map((_, row) =>
    columns.reduce((total, column, index) => total + weights[index]! * column[row]!, 0),
  );
}

/** The vector or its opposite, by its largest value. */
function positive(vector: Float64Array): Float64Array {
  const largest = vector.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  return largest < 0 ? vector.map((value) => -value) : vector;
}
