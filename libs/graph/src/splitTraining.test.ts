import { describe, expect, test } from "vitest";
import { gradients } from "./gradient.ts";
import { graphOf } from "./graph.ts";
import { add, mul } from "./operations/arithmetic.ts";
import { sum } from "./operations/broadcasting.ts";
import { matMul } from "./operations/matMul.ts";
import { reshape } from "./operations/reshape.ts";
import { exp, tanh } from "./operations/unary.ts";
import { splitTraining } from "./splitTraining.ts";
import { input, nameOf, parameter } from "./tensor.ts";

const names = (nodes: readonly Parameters<typeof nameOf>[0][]) => nodes.map(nameOf).toSorted();

describe("splitTraining()", () => {
  const x = input("x", ["T", 3], "float32");
  const weight = parameter("weight", [3, 2]);
  const hidden = tanh(matMul(x, weight));
  const y = exp(reshape(hidden, ["T", 2, 1]));

  test("the backward graph takes kept values, output gradients and shared inputs, and nothing of the forward pass", () => {
    const { forward, backward, saved } = splitTraining(
      { y },
      { differentiate: ["y"], sources: new Map([["weight", weight]]) },
    );
    expect(names(forward.inputs)).toEqual(["weight", "x"]);
    expect(forward.parameters).toEqual([]);
    expect([...forward.outputs.keys()]).toEqual(["y", ...saved]);
    expect(names(backward.inputs)).toEqual(["gradient.y", ...saved, "x"].toSorted());
    expect([...backward.outputs.keys()]).toEqual(["gradient.weight"]);
    // tanh keeps its result and exp its own: the product itself is not needed, and reshaping is done again.
    expect(saved).toHaveLength(2);
    expect(backward.nodes.map(({ op }) => op)).not.toContain("tanh");
  });

  test("what is not kept is computed again from what is", () => {
    const { backward, saved } = splitTraining(
      { y },
      { differentiate: ["y"], sources: new Map([["weight", weight]]), recompute: ({ op }) => op !== "matMul" },
    );
    expect(saved).toHaveLength(1);
    expect(backward.nodes.map(({ op }) => op)).toEqual(expect.arrayContaining(["tanh", "exp"]));
  });

  test("a loss has gradient 1, and gradients are those of the whole graph", () => {
    const loss = sum(mul(hidden, hidden));
    const { backward } = splitTraining(
      { loss },
      {
        differentiate: ["loss"],
        sources: new Map([
          ["x", x],
          ["weight", weight],
        ]),
      },
    );
    expect([...backward.outputs.keys()]).toEqual(["gradient.x", "gradient.weight"]);
    const whole = graphOf(Object.fromEntries(gradients(loss, [x, weight]).map((each, at) => [`g${at}`, each!])));
    const isBackward = ({ op }: { op: string }) => op !== "input" && op !== "parameter";
    expect(backward.nodes.filter(isBackward).length).toBeLessThan(whole.nodes.filter(isBackward).length);
  });

  test("a source that the outputs do not depend on has no gradient", () => {
    const other = parameter("other", [2]);
    const { backward } = splitTraining(
      { y: add(hidden, 1) },
      {
        differentiate: ["y"],
        sources: new Map([
          ["other", other],
          ["x", x],
        ]),
      },
    );
    expect([...backward.outputs.keys()]).toEqual(["gradient.x"]);
  });
});
