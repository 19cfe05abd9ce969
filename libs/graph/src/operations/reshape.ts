/** @file Changes of shape that move no value, or only permute axes: reshape and transpose. */
import { formatShape, normalizeAxis, sameShape, sameSize, type Shape } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { record, type Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";

export const reshapeOperation: Operation<{ shape: Shape }> = {
  name: "reshape",
  infer([x], { shape }) {
    if (!sameSize(x!.shape, shape)) {
      throw new ShapeError(`reshape: ${formatShape(x!.shape)} does not hold as many values as ${formatShape(shape)}`);
    }
    return { shape, dtype: x!.dtype };
  },
  gradient: ({ inputs: [x], gradient }) => [reshape(gradient, x!.shape)],
};

/** The same values in row-major order under another shape. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : record(reshapeOperation, [x], { shape });
}

export const transposeOperation: Operation<{ permutation: readonly number[] }> = {
  name: "transpose",
  infer([x], { permutation }) {
    const axes = permutation.toSorted((a, b) => a - b);
    if (axes.length !== x!.shape.length || axes.some((axis, position) => axis !== position)) {
      throw new ShapeError(
        `transpose: expected a permutation of the axes of ${formatShape(x!.shape)}, got [${permutation.join(", ")}]`,
      );
    }
    return { shape: permutation.map((axis) => x!.shape[axis]!), dtype: x!.dtype };
  },
  gradient({ attributes: { permutation }, gradient }) {
    return [transpose(gradient, inverse(permutation))];
  },
};

/** Permute axes: axis `i` of the result is axis `permutation[i]` of `x`. */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  const axes = permutation.map((axis) => normalizeAxis("transpose", axis, x.shape.length));
  return record(transposeOperation, [x], { permutation: axes });
}

/** Swap the last two axes. */
export function transposeLast(x: Tensor): Tensor {
  const rank = x.shape.length;
  if (rank < 2) throw new ShapeError(`transposeLast: expected at least 2 axes, got ${formatShape(x.shape)}`);
  return transpose(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2]);
}

function inverse(permutation: readonly number[]): number[] {
  const result: number[] = [];
  permutation.forEach((axis, position) => (result[axis] = position));
  return result;
}
