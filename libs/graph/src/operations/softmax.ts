/** @file Softmax and its logarithm over the last axis. */
import { formatShape } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { record, type Operation } from "../operation.ts";
import { expectDType, type Tensor } from "../tensor.ts";
import { mul, sub } from "./arithmetic.ts";
import { sum } from "./broadcasting.ts";
import { exp } from "./unary.ts";

const overLastAxis = { axis: -1, keepDims: true } as const;

function inferLike(name: string): Operation["infer"] {
  return ([x]) => {
    expectDType(name, x!, "float32");
    if (x!.shape.length === 0) throw new ShapeError(`${name}: expected at least 1 axis, got ${formatShape(x!.shape)}`);
    return { shape: x!.shape, dtype: "float32" };
  };
}

export const softmaxOperation: Operation = {
  name: "softmax",
  infer: inferLike("softmax"),
  gradient({ output, gradient }) {
    return [mul(sub(gradient, sum(mul(gradient, output), overLastAxis)), output)];
  },
};

/** `e^x / sum(e^x)` over the last axis; the largest value is taken off first, so that nothing overflows. */
export const softmax = (x: Tensor): Tensor => record(softmaxOperation, [x], {});

export const logSoftmaxOperation: Operation = {
  name: "logSoftmax",
  infer: inferLike("logSoftmax"),
  gradient({ output, gradient }) {
    return [sub(gradient, mul(exp(output), sum(gradient, overLastAxis)))];
  },
};

/** `log(softmax(x))` over the last axis, computed without the division. */
export const logSoftmax = (x: Tensor): Tensor => record(logSoftmaxOperation, [x], {});
