import { exp, graphOf, input, mul, parameter, type Tensor } from "@stagecoach/graph";
import { describe, expect, test } from "vitest";
import { planRun } from "./runPlan.ts";

const x = input("x", ["T"], "float32");
const weight = parameter("weight", []);
const inner = exp(x);
const scaled = mul(inner, weight);
const y = mul(scaled, inner);
const z = exp(inner);
const graph = graphOf({ y, z, inner });
const isResident = (node: Tensor) => node.op === "parameter";

const plan = (...wanted: string[]) =>
  planRun(graph, { wanted, isResident }).steps.map(({ node, released }) => [node, ...released]);

describe("planRun()", () => {
  test("releases each value after its last use, and never an output or a resident value", () => {
    expect(plan("y")).toEqual([[x], [inner, x], [scaled], [y, scaled, inner]]);
    expect(plan("y", "inner")).toEqual([[x], [inner, x], [scaled], [y, scaled]]);
  });
  test("computes nothing that the wanted outputs do not need", () => {
    expect(plan("z")).toEqual([[x], [inner, x], [z, inner]]);
    expect(plan("inner")).toEqual([[x], [inner, x]]);
  });
});
