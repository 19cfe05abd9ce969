import { describe, expect, test } from "vitest";
import { graphOf } from "../graph.ts";
import { add, div, mul } from "../operations/arithmetic.ts";
import { sum } from "../operations/broadcasting.ts";
import { exp } from "../operations/unary.ts";
import { constant, input, type Tensor } from "../tensor.ts";
import { mergeCommonSubexpressions } from "./commonSubexpressions.ts";

const x = input("x", ["T", 3], "float32");
const doubled = () => exp(mul(x, 2));
const countAfter = (op: string, outputs: Record<string, Tensor>) =>
  mergeCommonSubexpressions(graphOf(outputs)).nodes.filter((node) => node.op === op).length;

describe("mergeCommonSubexpressions()", () => {
  test("computes once what is computed twice, through several nodes", () => {
    expect(countAfter("exp", { y: add(doubled(), doubled()) })).toBe(1);
    expect(countAfter("mul", { y: add(doubled(), doubled()) })).toBe(1);
  });
  test("keeps every output under its name", () => {
    const graph = mergeCommonSubexpressions(graphOf({ a: exp(x), b: exp(x) }));
    expect([...graph.outputs.keys()]).toEqual(["a", "b"]);
    expect(graph.outputs.get("a")).toBe(graph.outputs.get("b"));
  });
  test("keeps nodes apart that differ in an attribute, or in the order of their inputs", () => {
    expect(countAfter("sum", { a: sum(x, { axis: 0 }), b: sum(x, { axis: 1 }) })).toBe(2);
    expect(countAfter("div", { a: div(x, exp(x)), b: div(exp(x), x) })).toBe(2);
  });
  test("merges equal constants, and keeps 0 and -0, data types and shapes apart", () => {
    expect(countAfter("constant", { a: add(x, 1), b: mul(x, 1) })).toBe(1);
    expect(countAfter("constant", { a: div(x, 0), b: div(x, -0) })).toBe(2);
    const ones = [constant(1, [], "int32"), constant(1), constant(Float32Array.of(1), [1])];
    expect(countAfter("constant", Object.fromEntries(ones.map((one, which) => [`y${which}`, one])))).toBe(3);
  });
});
