/** @file Matrix product, batched over leading axes that broadcast. */
import { broadcastShapes, formatShape, isWildcard } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { record, type Operation } from "../operation.ts";
import { expectDType, type Tensor } from "../tensor.ts";
import { sumTo } from "./broadcasting.ts";

export type MatMulOptions = { readonly transposeA?: boolean; readonly transposeB?: boolean };
type Attributes = { readonly transposeA: boolean; readonly transposeB: boolean };

export const matMulOperation: Operation<Attributes> = {
  name: "matMul",
  infer([a, b], { transposeA, transposeB }) {
    expectDType("matMul", a!, "float32");
    expectDType("matMul", b!, "float32");
    if (a!.shape.length < 2 || b!.shape.length < 2) {
      throw new ShapeError(
        `matMul: expected at least 2 axes on both sides, got ${formatShape(a!.shape)} and ${formatShape(b!.shape)}`,
      );
    }
    const [rows, inner] = lastTwo(a!, transposeA);
    const [innerB, columns] = lastTwo(b!, transposeB);
    if (inner !== innerB && !isWildcard(inner!) && !isWildcard(innerB!)) {
      const flags = `${transposeA ? ", first transposed" : ""}${transposeB ? ", second transposed" : ""}`;
      throw new ShapeError(
        `matMul: ${formatShape(a!.shape)} times ${formatShape(b!.shape)}${flags}: inner sizes ${inner} and ${innerB} differ`,
      );
    }
    const batch = broadcastShapes("matMul: batch axes", a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    return { shape: [...batch, rows!, columns!], dtype: "float32" };
  },
  gradient({ inputs: [a, b], attributes: { transposeA, transposeB }, gradient }) {
    // With A' and B' the operands as multiplied: dA' = G B'^T and dB' = A'^T G; flags, not copies, do the transposing.
    const towardsA = transposeA
      ? matMul(b!, gradient, { transposeA: transposeB, transposeB: true })
      : matMul(gradient, b!, { transposeB: !transposeB });
    const towardsB = transposeB
      ? matMul(gradient, a!, { transposeA: true, transposeB: transposeA })
      : matMul(a!, gradient, { transposeA: !transposeA });
    return [sumTo(towardsA, a!.shape), sumTo(towardsB, b!.shape)];
  },
};

/** Rows and columns of a matrix as it is multiplied. */
function lastTwo(x: Tensor, isTransposed: boolean) {
  const [rows, columns] = x.shape.slice(-2);
  return isTransposed ? [columns, rows] : [rows, columns];
}

/**
 * `a b` over the last two axes; with `transposeB`, `a b^T`, which is how PyTorch's Linear keeps its weight.
 * @param a - `[..., M, K]`, or `[..., K, M]` with `transposeA`
 * @param b - `[..., K, N]`, or `[..., N, K]` with `transposeB`
 * @returns `[..., M, N]`
 */
export function matMul(a: Tensor, b: Tensor, options: MatMulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false } = options;
  return record(matMulOperation, [a, b], { transposeA, transposeB });
}
