/** @file Element-wise functions of one tensor. */
import { record, type Operation } from "../operation.ts";
import { expectDType, type Tensor } from "../tensor.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { cast, greater } from "./selection.ts";

/** @param derivative - gradient of the input, from the input `x`, the output `y` and the gradient of the output */
function unary(name: string, derivative: (step: { x: Tensor; y: Tensor; gradient: Tensor }) => Tensor): Operation {
  return {
    name,
    infer([x]) {
      expectDType(name, x!, "float32");
      return { shape: x!.shape, dtype: "float32" };
    },
    gradient: ({ inputs: [x], output, gradient }) => [derivative({ x: x!, y: output, gradient })],
  };
}

export const expOperation = unary("exp", ({ y, gradient }) => mul(gradient, y));
export const logOperation = unary("log", ({ x, gradient }) => div(gradient, x));
export const sqrtOperation = unary("sqrt", ({ y, gradient }) => div(mul(gradient, 0.5), y));
export const tanhOperation = unary("tanh", ({ y, gradient }) => mul(gradient, sub(1, mul(y, y))));
export const sigmoidOperation = unary("sigmoid", ({ y, gradient }) => mul(gradient, mul(y, sub(1, y))));
/** At 0 the gradient is 0, as in PyTorch. */
export const reluOperation = unary("relu", ({ x, gradient }) => mul(gradient, cast(greater(x, 0), "float32")));
export const erfOperation = unary("erf", ({ x, gradient }) =>
  mul(gradient, mul(exp(mul(mul(x, x), -1)), TWO_OVER_SQRT_PI)),
);
/** At 0 the gradient is 0, as in PyTorch. */
export const absOperation = unary("abs", ({ x, gradient }) => {
  const sign = sub(cast(greater(x, 0), "float32"), cast(greater(mul(x, -1), 0), "float32"));
  return mul(gradient, sign);
});

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

/** `e^x` */
export const exp = (x: Tensor): Tensor => record(expOperation, [x], {});
/** Natural logarithm */
export const log = (x: Tensor): Tensor => record(logOperation, [x], {});
/** Square root */
export const sqrt = (x: Tensor): Tensor => record(sqrtOperation, [x], {});
/** Hyperbolic tangent */
export const tanh = (x: Tensor): Tensor => record(tanhOperation, [x], {});
/** `1 / (1 + e^-x)` */
export const sigmoid = (x: Tensor): Tensor => record(sigmoidOperation, [x], {});
/** `max(x, 0)` */
export const relu = (x: Tensor): Tensor => record(reluOperation, [x], {});
/** Error function: `2 / sqrt(pi)` times the integral of `e^(-t^2)` from 0 to `x` */
export const erf = (x: Tensor): Tensor => record(erfOperation, [x], {});
/** `|x|` */
export const abs = (x: Tensor): Tensor => record(absOperation, [x], {});
/** `-x` */
export const neg = (x: Tensor): Tensor => mul(x, -1);
/** `x * x` */
export const square = (x: Tensor): Tensor => mul(x, x);
/** `x + y` for more than two tensors, added from the left */
export const addAll = (first: Tensor, ...rest: readonly Tensor[]): Tensor =>
  rest.reduce((total, each) => add(total, each), first);
