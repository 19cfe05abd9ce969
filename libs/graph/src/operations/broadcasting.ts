/** @file Stretching a tensor and summing it back: `broadcastTo` and `sum` are each other's gradient. */
import {
  broadcastAxes,
  broadcastShapes,
  formatShape,
  isWildcard,
  normalizeAxis,
  sameShape,
  type Shape,
} from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { record, type Operation } from "../operation.ts";
import { expectDType, type Tensor } from "../tensor.ts";
import { reshape } from "./reshape.ts";

export const broadcastToOperation: Operation<{ shape: Shape }> = {
  name: "broadcastTo",
  infer([x], { shape }) {
    const stretched = broadcastShapes("broadcastTo", x!.shape, shape);
    if (!sameShape(stretched, shape) && !shape.some(isWildcard)) {
      throw new ShapeError(`broadcastTo: ${formatShape(x!.shape)} does not stretch to ${formatShape(shape)}`);
    }
    return { shape, dtype: x!.dtype };
  },
  gradient: ({ inputs: [x], gradient }) => [sumTo(gradient, x!.shape)],
};

/** Repeat `x` along axes of size 1, and along new leading axes, until it has `shape`. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : record(broadcastToOperation, [x], { shape });
}

export type Reduction = { readonly axes: readonly number[]; readonly keepDims: boolean };

/** Shape after the reduced axes have become 1 (`keepDims`) or have gone. */
export function reducedShape(where: string, shape: Shape, { axes, keepDims }: Reduction): Shape {
  if (new Set(axes).size !== axes.length) throw new ShapeError(`${where}: axis given twice in [${axes.join(", ")}]`);
  return shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
}

/** Which axes to reduce: one, several, or all when left out. Sizes stay 1 with `keepDims`. */
export type ReductionOptions = { readonly axis?: number | readonly number[]; readonly keepDims?: boolean };

export function reductionOf(where: string, x: Tensor, options: ReductionOptions): Reduction {
  const axis = options.axis ?? x.shape.map((_, index) => index);
  const axes = (typeof axis === "number" ? [axis] : axis).map((each) => normalizeAxis(where, each, x.shape.length));
  return { axes: axes.toSorted((a, b) => a - b), keepDims: options.keepDims ?? false };
}

export const sumOperation: Operation<Reduction> = {
  name: "sum",
  infer([x], reduction) {
    expectDType("sum", x!, "float32");
    return { shape: reducedShape("sum", x!.shape, reduction), dtype: "float32" };
  },
  gradient: ({ inputs: [x], attributes, gradient }) => [stretchReduced(x!, attributes, gradient)],
};

/** Sum over axes. */
export function sum(x: Tensor, options: ReductionOptions = {}): Tensor {
  const reduction = reductionOf("sum", x, options);
  return reduction.axes.length === 0 ? x : record(sumOperation, [x], reduction);
}

/** A reduced tensor, stretched back to the shape of `x`, from which it was reduced. */
export function stretchReduced(x: Tensor, { axes }: Reduction, reduced: Tensor): Tensor {
  const kept = reducedShape("broadcastTo", x.shape, { axes, keepDims: true });
  return broadcastTo(reshape(reduced, kept), x.shape);
}

/** Sum over the axes along which `shape` was stretched to become the shape of `x`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const axes = broadcastAxes(shape, x.shape);
  return reshape(sum(x, { axis: axes, keepDims: true }), shape);
}
