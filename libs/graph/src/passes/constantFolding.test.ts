import { describe, expect, test } from "vitest";
import { graphOf } from "../graph.ts";
import { add, mul } from "../operations/arithmetic.ts";
import { broadcastTo } from "../operations/broadcasting.ts";
import { constant, input, valuesOf, type Tensor } from "../tensor.ts";
import { foldConstants, type Evaluate } from "./constantFolding.ts";

/** Adds or multiplies constants of rank 0, or repeats a 1. */
const evaluate: Evaluate = ({ op, inputs, shape }) => {
  if (op === "broadcastTo") return new Float32Array(shape[0] as number).fill(1);
  const [a, b] = inputs.map((each) => valuesOf(each)[0]!) as [number, number];
  return [op === "add" ? a + b : a * b];
};
const folded = (y: Tensor) => foldConstants(graphOf({ y }), evaluate).outputs.get("y")!;

describe("foldConstants()", () => {
  test("computes what depends on constants alone, through several nodes", () => {
    const y = folded(mul(add(constant(2), 3), 4));
    expect(y.op).toBe("constant");
    expect([...valuesOf(y)]).toEqual([20]);
  });
  test("keeps the data type", () => {
    const y = folded(add(constant(2, [], "int32"), 3));
    expect(y.dtype).toBe("int32");
    expect(valuesOf(y)).toEqual(Int32Array.of(5));
  });
  test("leaves what depends on an input, and folds beside it", () => {
    const y = folded(add(input("x", [], "float32"), mul(constant(2), 3)));
    expect(y.inputs.map(({ op }) => op)).toEqual(["input", "constant"]);
  });
  test("leaves a node whose size only a run knows", () => {
    const x = input("x", ["T"], "float32");
    const stretched = broadcastTo(constant(1), ["T"]);
    expect(folded(add(x, stretched)).inputs[1]!.op).toBe("broadcastTo");
  });
  test("leaves a node of more than 65,536 values", () => {
    expect(folded(broadcastTo(constant(1), [65_536])).op).toBe("constant");
    expect(folded(broadcastTo(constant(1), [65_537])).op).toBe("broadcastTo");
  });
});
