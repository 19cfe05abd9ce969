/** @file Mean and maximum over axes, and the number of elements that a reduction runs over (`sum` is in broadcasting.ts). */
import { record, type Operation } from "../operation.ts";
import { constant, expectDType, type Tensor } from "../tensor.ts";
import { div, mul } from "./arithmetic.ts";
import {
  reducedShape,
  reductionOf,
  stretchReduced,
  sum,
  type Reduction,
  type ReductionOptions,
} from "./broadcasting.ts";
import { cast, equal } from "./selection.ts";

export const sizeOfOperation: Operation<{ axes: readonly number[] }> = {
  name: "sizeOf",
  infer: () => ({ shape: [], dtype: "float32" }),
  gradient: () => [null],
};

/** Product of the sizes of `axes`, as a float32 of rank 0: the count that a mean divides by, known only at run time for symbols. */
export function sizeOf(x: Tensor, axes: readonly number[]): Tensor {
  return axes.length === 0 ? constant(1) : record(sizeOfOperation, [x], { axes });
}

export const meanOperation: Operation<Reduction> = {
  name: "mean",
  infer([x], reduction) {
    expectDType("mean", x!, "float32");
    return { shape: reducedShape("mean", x!.shape, reduction), dtype: "float32" };
  },
  gradient({ inputs: [x], attributes, gradient }) {
    return [div(stretchReduced(x!, attributes, gradient), sizeOf(x!, attributes.axes))];
  },
};

/** Mean over axes; over no axes it is `x`. */
export function mean(x: Tensor, options: ReductionOptions = {}): Tensor {
  const reduction = reductionOf("mean", x, options);
  return reduction.axes.length === 0 ? x : record(meanOperation, [x], reduction);
}

export const maxOperation: Operation<Reduction> = {
  name: "max",
  infer([x], reduction) {
    expectDType("max", x!, "float32");
    return { shape: reducedShape("max", x!.shape, reduction), dtype: "float32" };
  },
  gradient({ inputs: [x], output, attributes, gradient }) {
    // Equal maxima share the gradient evenly, as in torch.amax.
    const isMax = cast(equal(x!, stretchReduced(x!, attributes, output)), "float32");
    const share = div(isMax, sum(isMax, { axis: attributes.axes, keepDims: true }));
    return [mul(stretchReduced(x!, attributes, gradient), share)];
  },
};

/** Maximum over axes; over no axes it is `x`. */
export function max(x: Tensor, options: ReductionOptions = {}): Tensor {
  const reduction = reductionOf("max", x, options);
  return reduction.axes.length === 0 ? x : record(maxOperation, [x], reduction);
}
