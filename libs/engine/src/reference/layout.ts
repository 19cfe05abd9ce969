/** @file Walking over row-major tensors: strides, broadcasting, reductions. */
import { sizeOfShape } from "@stagecoach/graph";

/** A tensor of the reference engine: whatever its data type, its values are float64. */
export type Value = { readonly shape: readonly number[]; readonly data: Float64Array };

export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/**
 * Offsets into a tensor for each place of a larger shape, in row-major order of that shape.
 * @param strides - one per axis of `shape`; 0 repeats along that axis
 */
export function offsets(shape: readonly number[], strides: readonly number[]): Int32Array {
  const result = new Int32Array(sizeOfShape(shape));
  const index = shape.map(() => 0);
  let offset = 0;
  for (let place = 0; place < result.length; place++) {
    result[place] = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += strides[axis];
      if (++index[axis] < shape[axis]) break;
      offset -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** Offsets into `from` for each place of `to`, to which `from` broadcasts. */
export function broadcastOffsets(from: readonly number[], to: readonly number[]): Int32Array {
  const added = to.length - from.length;
  const own = stridesOf(from);
  return offsets(
    to,
    to.map((_, axis) => (axis < added || from[axis - added] === 1 ? 0 : own[axis - added])),
  );
}

/** Combine element by element, with broadcasting. */
export function zip(
  shape: readonly number[],
  operands: readonly Value[],
  combine: (...values: number[]) => number,
): Float64Array {
  const places = operands.map((operand) => broadcastOffsets(operand.shape, shape));
  return new Float64Array(sizeOfShape(shape)).map((_, place) =>
    combine(...operands.map(({ data }, which) => data[places[which][place]])),
  );
}

/** Fold the values along `axes`, in row-major order. */
export function reduce(
  x: Value,
  axes: readonly number[],
  fold: { start: number; step: (sofar: number, value: number) => number },
): Float64Array {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const places = broadcastOffsets(kept, x.shape);
  const result = new Float64Array(sizeOfShape(kept)).fill(fold.start);
  x.data.forEach((value, place) => (result[places[place]] = fold.step(result[places[place]], value)));
  return result;
}
