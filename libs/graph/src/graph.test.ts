import { describe, expect, test } from "vitest";
import { GraphError } from "./errors.ts";
import { countUses, graphOf } from "./graph.ts";
import { add, mul } from "./operations/arithmetic.ts";
import { broadcastTo } from "./operations/broadcasting.ts";
import { constant, input, parameter } from "./tensor.ts";

const vector = (name: string) => input(name, ["T"], "float32");

describe("graphOf()", () => {
  test("holds what the outputs depend on, in an order in which it can be computed, and nothing else", () => {
    const x = vector("x");
    const unused = add(vector("unused"), 1);
    const weight = parameter("weight", []);
    const y = mul(add(x, weight), x);
    const graph = graphOf({ y });
    expect(graph.inputs).toEqual([x]);
    expect(graph.parameters).toEqual([weight]);
    expect(graph.nodes).not.toContain(unused);
    graph.nodes.forEach((node, place) => {
      for (const each of node.inputs) expect(graph.nodes.indexOf(each)).toBeLessThan(place);
    });
  });
  test("takes one input twice, and one value under two names", () => {
    const x = vector("x");
    const y = add(x, x);
    expect([...graphOf({ y, again: y }).outputs.keys()]).toEqual(["y", "again"]);
  });
  test("rejects two inputs of one name", () => {
    expect(() => graphOf({ y: add(vector("x"), vector("x")) })).toThrow(GraphError);
  });
  test("rejects two parameters of one name", () => {
    expect(() => graphOf({ y: add(parameter("w", [2]), parameter("w", [2])) })).toThrow(GraphError);
  });
  test("rejects an input and a parameter of one name", () => {
    expect(() => graphOf({ y: add(input("w", [2], "float32"), parameter("w", [2])) })).toThrow(GraphError);
  });
  test("rejects an output with the name of an input", () => {
    expect(() => graphOf({ x: add(vector("x"), 1) })).toThrow(GraphError);
  });
  test("rejects a symbol that no input has", () => {
    expect(() => graphOf({ y: broadcastTo(constant(1), ["B"]) })).toThrow('dimension "B"');
  });
});

describe("countUses()", () => {
  test("counts uses as input and as output", () => {
    const x = vector("x");
    const y = mul(x, x);
    const uses = countUses(graphOf({ y, again: y, z: add(y, 1) }));
    expect([uses.get(x), uses.get(y)]).toEqual([2, 3]);
  });
});
