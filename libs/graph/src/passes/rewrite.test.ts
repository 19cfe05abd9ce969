import { describe, expect, test } from "vitest";
import { graphOf } from "../graph.ts";
import { add, mul } from "../operations/arithmetic.ts";
import { exp } from "../operations/unary.ts";
import { input, withScope } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

const x = input("x", ["T"], "float32");

describe("rewrite()", () => {
  test("keeps the nodes of a graph that is not changed", () => {
    const graph = graphOf({ y: mul(exp(x), x) });
    expect(rewrite(graph, (node) => node).nodes).toEqual(graph.nodes);
  });
  test("rebuilds what depends on a replaced node, in its scope, and drops what nothing needs", () => {
    const scoped = withScope("layer.0", () => add(exp(x), 1));
    const graph = rewrite(graphOf({ y: mul(scoped, 2) }), (node) => (node.op === "exp" ? x : node));
    expect(graph.nodes.map(({ op }) => op)).not.toContain("exp");
    expect(graph.nodes.find(({ op }) => op === "add")).toMatchObject({ scope: "layer.0", inputs: [x, {}] });
  });
});
