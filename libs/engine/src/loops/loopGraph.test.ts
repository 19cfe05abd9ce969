import { abs, add, div, graphOf, input, matMul, mul, parameter, sqrt, sub, sum } from "@stagecoach/graph";
import { describe, expect, test } from "vitest";
import { loopsOf } from "./loopGraph.ts";

const tensor = (name: string, shape: readonly (number | string)[] = [2, 3]) => input(name, shape, "float32");

describe("loopsOf", () => {
  test("makes one loop of what belongs together, and another of what does not", () => {
    const [a, b, c] = [tensor("a"), tensor("b"), tensor("c", [5])];
    const rate = tensor("rate", []);
    const moment = add(mul(a, rate), b);
    const graph = graphOf({ moment, value: sqrt(moment), other: sub(mul(c, rate), 0.5) });
    const facts = loopsOf(graph)!.map(({ inputs, scalars, outputs, size }) => ({ inputs, scalars, outputs, size }));
    expect(facts).toEqual([
      { inputs: ["a", "b"], scalars: ["rate"], outputs: ["moment", "value"], size: 6 },
      { inputs: ["c"], scalars: ["rate"], outputs: ["other"], size: 5 },
    ]);
  });

  test("equal arithmetic is an equal program, whatever the names and the size", () => {
    const decayed = (value: string, shape: number[]) =>
      sub(tensor(value, shape), mul(tensor(`g.${value}`, shape), 0.5));
    const [first, second] = loopsOf(graphOf({ x: decayed("a", [4]), y: decayed("b", [2, 9]) }))!;
    expect(first.program).toEqual(second.program);
  });

  test("sums of all values are added up in the loop that has them", () => {
    const a = tensor("a");
    const [loop] = loopsOf(graphOf({ squares: sum(mul(a, a)) }))!;
    expect([loop.outputs, loop.sums]).toEqual([[], ["squares"]]);
  });

  test.each([
    ["one operation, which a loop saves nothing of", () => ({ y: add(tensor("a"), tensor("b")) })],
    ["a size that each run gives anew", () => ({ y: sqrt(abs(tensor("a", ["T", 3]))) })],
    ["a product of matrices", () => ({ y: sqrt(matMul(tensor("a", [3, 3]), tensor("b", [3, 3]))) })],
    ["a tensor that is stretched", () => ({ y: sqrt(add(tensor("a"), tensor("b", [3]))) })],
    ["a sum along an axis", () => ({ y: sum(mul(tensor("a"), 2), { axis: 0 }) })],
    ["a sum that something else needs", () => ({ y: div(tensor("a"), sum(mul(tensor("b"), 2))) })],
    ["arithmetic of scalars", () => ({ y: sqrt(abs(tensor("a", []))) })],
    ["infinity", () => ({ y: mul(abs(tensor("a")), Infinity) })],
    ["a weight", () => ({ y: sqrt(abs(parameter("a", [2]))) })],
    ["integers", () => ({ y: mul(add(input("a", [2], "int32"), 1), 2) })],
  ])("leaves to the engine: %s", (_, outputs) => {
    expect(loopsOf(graphOf(outputs()))).toBeNull();
  });
});
