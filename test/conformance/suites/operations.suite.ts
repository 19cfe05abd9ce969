/** @file Every operation, forward and backward, against PyTorch and against the reference engine. */
import { createReferenceEngine } from "@stagecoach/engine";
import { operations, type OperationName } from "@stagecoach/graph";
import { afterAll, describe, expect, test } from "vitest";
import { caseGraph } from "../caseGraph.ts";
import { ErrorReport, expectClose, FLOAT32_TOLERANCE } from "../compare.ts";
import type { Conformance } from "../engine.case.ts";
import { operationCases } from "../fixture.ts";
import { runGraph } from "../runGraph.ts";

/** The reference engine computes in float64, as PyTorch did; only constants of a graph are float32. */
const FLOAT64_TOLERANCE = 1e-12;
const referenceTolerances: Partial<Record<OperationName, { readonly tolerance: number; readonly reason: string }>> = {
  erf: { tolerance: 6e-8, reason: "its gradient has 2 / sqrt(pi) as a constant" },
};

/** Cases where 1e-6 of the largest magnitude is too little for float32. */
const tolerances: Readonly<Record<string, { readonly tolerance: number; readonly reason: string }>> = {
  "softmax/large values": { tolerance: 5e-6, reason: "g - sum(g * y) cancels in the gradient where y is almost 1" },
};

export function operationsSuite({ engine, claim }: Conformance): void {
  describe("operations", () => {
    const report = new ErrorReport();
    afterAll(() => report.print(engine().description));

    test("every operation has a case", () => {
      const covered = new Set(operationCases.map(({ operation }) => operation));
      expect(Object.keys(operations).filter((name) => !covered.has(name as keyof typeof operations))).toEqual([]);
    });

    for (const example of operationCases) {
      claim(`${example.name}: output and gradients are PyTorch's and the reference engine's`, async () => {
        const { graph, inputs, expected } = caseGraph(example);
        const actual = await runGraph(engine(), graph, { inputs });
        const reference = await runGraph(createReferenceEngine(), graph, { inputs });
        const tolerance =
          engine().name === "reference"
            ? (referenceTolerances[example.operation]?.tolerance ?? FLOAT64_TOLERANCE)
            : (tolerances[example.name]?.tolerance ?? FLOAT32_TOLERANCE);
        for (const [name, values] of Object.entries(expected)) {
          expectClose(actual[name]!, values, {
            tolerance,
            onError(error, largest) {
              const what = name === "output" ? example.operation : `${example.operation} (gradient)`;
              report.add(what, error, largest);
            },
          });
          expectClose(actual[name]!, reference[name]!, { tolerance });
        }
      });
    }
  });
}
