/** @file Element-wise arithmetic of two operands, with NumPy's broadcasting. */
import { broadcastShapes, formatShape } from "../dims.ts";
import { DTypeError } from "../errors.ts";
import { record, type GradientStep, type Operation } from "../operation.ts";
import { constant, type Attributes, type DType, type Tensor } from "../tensor.ts";
import { sumTo } from "./broadcasting.ts";

/** A tensor, or a number that becomes a constant of the other operand's data type. */
export type Operand = Tensor | number;

type BinaryGradient = (step: {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly output: Tensor;
  readonly gradient: Tensor;
}) => readonly [Tensor | null, Tensor | null];

/** Numbers become constants; data types must agree. */
export function liftOperands(where: string, a: Operand, b: Operand): [Tensor, Tensor] {
  const dtype: DType = typeof a !== "number" ? a.dtype : typeof b !== "number" ? b.dtype : "float32";
  const left = typeof a === "number" ? constant(a, [], dtype) : a;
  const right = typeof b === "number" ? constant(b, [], dtype) : b;
  if (left.dtype !== right.dtype) {
    throw new DTypeError(
      `${where}: expected operands of one data type, got ${left.dtype} ${formatShape(left.shape)} and ${right.dtype} ${formatShape(right.shape)}`,
    );
  }
  return [left, right];
}

function binary(name: string, gradientOf: BinaryGradient): Operation {
  return {
    name,
    infer([a, b]) {
      if (a!.dtype === "bool")
        throw new DTypeError(`${name}: expected numbers, got bool of shape ${formatShape(a!.shape)}`);
      return { shape: broadcastShapes(name, a!.shape, b!.shape), dtype: a!.dtype };
    },
    gradient({ inputs, output, gradient }: GradientStep<Attributes>) {
      const [a, b] = inputs as [Tensor, Tensor];
      if (output.dtype !== "float32") return [null, null];
      const [towardsA, towardsB] = gradientOf({ a, b, output, gradient });
      return [towardsA && sumTo(towardsA, a.shape), towardsB && sumTo(towardsB, b.shape)];
    },
  };
}

const pair = (operation: Operation, a: Operand, b: Operand) =>
  record(operation, liftOperands(operation.name, a, b), {});

export const addOperation = binary("add", ({ gradient }) => [gradient, gradient]);
export const subOperation = binary("sub", ({ gradient }) => [gradient, mul(gradient, -1)]);
export const mulOperation = binary("mul", ({ a, b, gradient }) => [mul(gradient, b), mul(gradient, a)]);
export const divOperation = binary("div", ({ b, output, gradient }) => {
  const towardsA = div(gradient, b);
  return [towardsA, mul(mul(towardsA, output), -1)];
});

/** `a + b` */
export const add = (a: Operand, b: Operand): Tensor => pair(addOperation, a, b);
/** `a - b` */
export const sub = (a: Operand, b: Operand): Tensor => pair(subOperation, a, b);
/** `a * b`, element by element */
export const mul = (a: Operand, b: Operand): Tensor => pair(mulOperation, a, b);
/** `a / b`; division of integers is not defined here */
export const div = (a: Operand, b: Operand): Tensor => pair(divOperation, a, b);
