/** @file Comparisons, choices by a condition, and conversion of data types. */
import { broadcastShapes, formatShape } from "../dims.ts";
import { DTypeError } from "../errors.ts";
import { record, type Operation } from "../operation.ts";
import { expectDType, type DType, type Tensor } from "../tensor.ts";
import { liftOperands, type Operand } from "./arithmetic.ts";
import { sumTo } from "./broadcasting.ts";

function comparison(name: string, ...allowed: readonly DType[]): Operation {
  return {
    name,
    infer([a, b]) {
      expectDType(name, a!, ...allowed);
      return { shape: broadcastShapes(name, a!.shape, b!.shape), dtype: "bool" };
    },
    gradient: () => [null, null],
  };
}

export const equalOperation = comparison("equal", "float32", "int32", "bool");
export const greaterOperation = comparison("greater", "float32", "int32");
export const greaterEqualOperation = comparison("greaterEqual", "float32", "int32");

/** `a == b`, as bool */
export const equal = (a: Operand, b: Operand): Tensor => record(equalOperation, liftOperands("equal", a, b), {});
/** `a > b`, as bool */
export const greater = (a: Operand, b: Operand): Tensor => record(greaterOperation, liftOperands("greater", a, b), {});
/** `a >= b`, as bool */
export const greaterEqual = (a: Operand, b: Operand): Tensor =>
  record(greaterEqualOperation, liftOperands("greaterEqual", a, b), {});

export const whereOperation: Operation = {
  name: "where",
  infer([condition, a, b]) {
    expectDType("where: condition", condition!, "bool");
    if (a!.dtype !== b!.dtype) {
      throw new DTypeError(
        `where: expected branches of one data type, got ${a!.dtype} and ${b!.dtype} ${formatShape(b!.shape)}`,
      );
    }
    const shape = broadcastShapes("where", condition!.shape, broadcastShapes("where", a!.shape, b!.shape));
    return { shape, dtype: a!.dtype };
  },
  gradient({ inputs: [condition, a, b], output, gradient }) {
    if (output.dtype !== "float32") return [null, null, null];
    return [null, sumTo(where(condition!, gradient, 0), a!.shape), sumTo(where(condition!, 0, gradient), b!.shape)];
  },
};

/** `a` where `condition` holds, else `b`; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return record(whereOperation, [condition, ...liftOperands("where", a, b)], {});
}

export const castOperation: Operation<{ dtype: DType }> = {
  name: "cast",
  infer: ([x], { dtype }) => ({ shape: x!.shape, dtype }),
  gradient: ({ inputs: [x], gradient }) => [x!.dtype === "float32" ? gradient : null],
};

/** Convert a data type. Towards int32 the fraction is cut off; towards bool everything but 0 is true. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : record(castOperation, [x], { dtype });
}
