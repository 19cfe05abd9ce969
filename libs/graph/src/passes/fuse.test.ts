import { describe, expect, test } from "vitest";
import { graphOf, type Graph } from "../graph.ts";
import { add, div, mul, sub } from "../operations/arithmetic.ts";
import { matMul } from "../operations/matMul.ts";
import { mean } from "../operations/reductions.ts";
import { erf, exp, sqrt, square } from "../operations/unary.ts";
import { input, nameOf, parameter, withScope, type Tensor } from "../tensor.ts";
import { fuse } from "./fuse.ts";
import { fusedOperationNames, type FusedOperationName } from "./fusionTemplates.ts";
import { optimize } from "./optimize.ts";

const x = input("x", ["T", 6], "float32");
const all = new Set<FusedOperationName>(fusedOperationNames);
const only = (...names: FusedOperationName[]) => new Set(names);
const operationsOf = (graph: Graph) => graph.nodes.map(({ op }) => op);
const fused = (y: Tensor, names = all) =>
  operationsOf(fuse(graphOf({ y }), names)).filter((op) => all.has(op as never));

const gelu = (h: Tensor) => mul(mul(h, 0.5), add(erf(mul(h, Math.SQRT1_2)), 1));

function layerNorm(h: Tensor, epsilon = 1e-12): Tensor {
  const last = { axis: -1, keepDims: true };
  const centred = sub(h, mean(h, last));
  const normal = div(centred, sqrt(add(mean(square(centred), last), epsilon)));
  return add(mul(normal, parameter("weight", [6])), parameter("shift", [6]));
}

describe("fuse()", () => {
  test("puts one node in the place of a group, with the group's inputs in the template's order", () => {
    const graph = fuse(graphOf({ y: layerNorm(x, 1e-5) }), all);
    const node = graph.outputs.get("y")!;
    expect(node).toMatchObject({ op: "layerNormalization", shape: ["T", 6], dtype: "float32" });
    expect(node.inputs.map(nameOf)).toEqual(["x", "weight", "shift"]);
    expect(node.attributes["epsilon"]).toBe(Math.fround(1e-5));
    expect(operationsOf(graph).toSorted()).toEqual(["input", "layerNormalization", "parameter", "parameter"]);
  });
  test("takes only what the engine supports", () => {
    expect(fused(gelu(x), only("layerNormalization"))).toEqual([]);
    expect(fused(gelu(x), new Set())).toEqual([]);
  });
  test("matches the operands of add and mul in either order", () => {
    expect(fused(mul(add(1, erf(mul(Math.SQRT1_2, x))), mul(0.5, x)))).toEqual(["gelu"]);
  });
  test("does not match another constant, or operands of sub in another order", () => {
    expect(fused(mul(mul(x, 0.5001), add(erf(mul(x, Math.SQRT1_2)), 1)))).toEqual([]);
    const last = { axis: -1, keepDims: true };
    const flipped = sub(mean(x, last), x);
    const normal = div(flipped, sqrt(add(mean(square(flipped), last), 1e-5)));
    expect(fused(add(mul(normal, parameter("weight", [6])), parameter("shift", [6])))).toEqual([]);
  });
  test("does not match where one placeholder would be two tensors", () => {
    const other = input("other", ["T", 6], "float32");
    expect(fused(mul(mul(x, 0.5), add(erf(mul(other, Math.SQRT1_2)), 1)))).toEqual([]);
  });
  test("does not match where one size would be two", () => {
    const product = matMul(x, parameter("weight", [1, 6]), { transposeB: true });
    expect(fused(add(product, parameter("bias", [4])))).toEqual([]);
  });
  test("prefers the larger template", () => {
    expect(fused(gelu(add(x, parameter("bias", [6]))))).toEqual(["biasGelu"]);
    const skip = input("skip", ["T", 6], "float32");
    expect(fused(layerNorm(add(add(x, parameter("bias", [6])), skip)))).toEqual(["skipLayerNormalization"]);
  });
  test("fuses one group after another, each node in one of them", () => {
    const product = matMul(x, parameter("w", [6, 6]), { transposeB: true });
    expect(fused(layerNorm(gelu(add(product, parameter("b", [6])))))).toEqual(["biasGelu", "layerNormalization"]);
  });
  test("never crosses a scope", () => {
    const half = withScope("layer.0", () => mul(x, 0.5));
    expect(fused(withScope("layer.1", () => mul(half, add(erf(mul(x, Math.SQRT1_2)), 1))))).toEqual([]);
    const whole = withScope("layer.1", () => gelu(x));
    expect(fused(whole)).toEqual(["gelu"]);
    expect(fuse(graphOf({ y: whole }), all).outputs.get("y")!.scope).toBe("layer.1");
  });
  test("leaves a group whose inner value is used elsewhere", () => {
    const half = mul(x, 0.5);
    const y = mul(half, add(erf(mul(x, Math.SQRT1_2)), 1));
    expect(fused(y)).toEqual(["gelu"]);
    expect(fused(add(y, exp(half)))).toEqual([]);
  });
  test("leaves a group whose inner value is an output", () => {
    const half = mul(x, 0.5);
    const y = mul(half, add(erf(mul(x, Math.SQRT1_2)), 1));
    expect(operationsOf(fuse(graphOf({ y, half }), all))).not.toContain("gelu");
  });
  test("falls back to a smaller group where the larger one is not closed", () => {
    const biased = add(x, parameter("bias", [6]));
    expect(fused(add(gelu(biased), exp(biased)))).toEqual(["gelu"]);
  });
});

describe("optimize()", () => {
  test("fuses before it merges, so that a node that two layers have does not keep one of them from fusing", () => {
    const half = withScope("layer.1", () => exp(mul(x, 0.5)));
    const graph = graphOf({
      y: add(
        withScope("layer.0", () => gelu(x)),
        half,
      ),
    });
    const optimized = optimize(graph, { fusedOperations: all, evaluate: () => [] });
    expect(operationsOf(optimized)).toContain("gelu");
    expect(operationsOf(optimized)).not.toContain("erf");
  });
});
