/** @file Differentiation as a pass. The rules of the single operations are held against PyTorch in test/conformance. */
import { describe, expect, test } from "vitest";
import { GradientError, ShapeError } from "./errors.ts";
import { backpropagate, gradients } from "./gradient.ts";
import { graphOf } from "./graph.ts";
import { add, div, mul, sub } from "./operations/arithmetic.ts";
import { broadcastTo, sum } from "./operations/broadcasting.ts";
import { cast } from "./operations/selection.ts";
import { exp, tanh } from "./operations/unary.ts";
import { constant, input, nameOf, parameter, valuesOf, type Tensor } from "./tensor.ts";

const scalar = (name: string) => input(name, [], "float32");

/** Value of a tensor of rank 0. */
function evaluate(tensor: Tensor, values: Readonly<Record<string, number>>): number {
  const inputs = tensor.inputs.map((each) => evaluate(each, values));
  const [a = NaN, b = NaN] = inputs;
  const computed: Record<string, () => number> = {
    input: () => values[nameOf(tensor)]!,
    constant: () => valuesOf(tensor)[0]!,
    add: () => a + b,
    sub: () => a - b,
    mul: () => a * b,
    div: () => a / b,
    exp: () => Math.exp(a),
    tanh: () => Math.tanh(a),
  };
  return computed[tensor.op]!();
}

function slopes(loss: Tensor, sources: readonly Tensor[], values: Readonly<Record<string, number>>): number[] {
  return gradients(loss, sources).map((each) => evaluate(each!, values));
}

describe("gradients()", () => {
  test("adds up over all uses of a tensor", () => {
    const x = scalar("x");
    const loss = add(mul(mul(x, x), x), mul(x, 5));
    expect(slopes(loss, [x], { x: 2 })).toEqual([3 * 4 + 5]);
  });
  test("follows the chain rule through shared values", () => {
    const [x, y] = [scalar("x"), scalar("y")];
    const shared = exp(mul(x, y));
    const loss = sub(mul(shared, shared), div(shared, x));
    const [px, py] = [0.3, -0.7];
    const e = Math.exp(px * py);
    const [dx, dy] = slopes(loss, [x, y], { x: px, y: py });
    expect(dx).toBeCloseTo(2 * e * e * py - (e * py * px - e) / px ** 2, 12);
    expect(dy).toBeCloseTo(2 * e * e * px - e, 12);
  });
  test("is null for a source that the loss does not depend on", () => {
    const [x, y] = [scalar("x"), scalar("y")];
    expect(gradients(mul(x, x), [y])).toEqual([null]);
  });
  test("is null for a source behind an integer", () => {
    const x = scalar("x");
    expect(gradients(cast(cast(x, "int32"), "float32"), [x])).toEqual([null]);
  });
  test("is 1 for the loss itself", () => {
    const x = scalar("x");
    expect(slopes(x, [x], { x: 3 })).toEqual([1]);
  });
  test("gives the gradient of an inner value", () => {
    const x = scalar("x");
    const inner = mul(x, x);
    expect(slopes(mul(inner, 3), [inner], { x: 2 })).toEqual([3]);
  });
  test("can be differentiated again", () => {
    const x = scalar("x");
    const [first] = gradients(tanh(x), [x]);
    const [second] = gradients(first!, [x]);
    const t = Math.tanh(0.4);
    expect(evaluate(second!, { x: 0.4 })).toBeCloseTo(-2 * t * (1 - t * t), 12);
  });
  test("has the shape of its source where that was stretched", () => {
    const bias = parameter("bias", [3]);
    const x = input("x", ["T", 3], "float32");
    const [gradient] = gradients(sum(mul(add(x, bias), x)), [bias]);
    expect(gradient!.shape).toEqual([3]);
  });
  test("computes nothing towards what was not asked for", () => {
    const [x, y] = [scalar("x"), scalar("y")];
    const [gradient] = gradients(mul(x, exp(y)), [x]);
    expect(graphOf({ gradient: gradient! }).nodes.map(({ op }) => op)).not.toContain("sub");
    expect(evaluate(gradient!, { x: 2, y: 0.5 })).toBe(Math.exp(0.5));
  });
  test("rejects a loss of rank above 0", () => {
    const x = input("x", ["T"], "float32");
    expect(() => gradients(mul(x, x), [x])).toThrow(GradientError);
  });
});

describe("backpropagate()", () => {
  test("adds up over several outputs, one of which depends on the other", () => {
    const x = scalar("x");
    const y = mul(x, x);
    const z = mul(y, 3);
    const outputs = [
      { output: y, gradient: constant(10) },
      { output: z, gradient: constant(100) },
    ];
    const [towardsX] = backpropagate(outputs, [x]);
    expect(evaluate(towardsX!, { x: 2 })).toBe((10 + 100 * 3) * 2 * 2);
  });
  test("takes an output whose symbol only its gradient's input has", () => {
    const weight = parameter("weight", [1, 3]);
    const output = broadcastTo(weight, ["T", 3]);
    const [gradient] = backpropagate([{ output, gradient: input("g", ["T", 3], "float32") }], [weight]);
    expect(gradient!.shape).toEqual([1, 3]);
  });
  test("rejects a gradient of another shape", () => {
    const x = input("x", ["T", 3], "float32");
    expect(() => backpropagate([{ output: mul(x, x), gradient: constant(1) }], [x])).toThrow(ShapeError);
  });
  test("rejects an output that is not float32", () => {
    const x = input("x", [3], "float32");
    const gradient = input("g", [3], "float32");
    expect(() => backpropagate([{ output: cast(x, "int32"), gradient }], [x])).toThrow(GradientError);
  });
});
