/** @file Equal bytes in repeated runs, where a sum could be taken in another order. */
import { hostParameters, runToHost, type HostTensor } from "@stagecoach/engine";
import { graphOf, input, matMul, mean, softmax, sum, type Graph } from "@stagecoach/graph";
import { describe, expect } from "vitest";
import { bytesOf } from "../bytes.ts";
import { expectClose } from "../compare.ts";
import type { Conformance } from "../engine.case.ts";
import { generator, randomTensor } from "../random.ts";
import { scatterExample } from "../scatterExample.ts";

const REPETITIONS = 20;
export function determinismSuite({ engine, claim }: Conformance): void {
  describe("determinism", () => {
    claim(
      `scatterAddRows of repeated indices gives the same bytes in ${REPETITIONS} runs, and the right sums`,
      async () => {
        const { graph, inputs } = scatterExample();
        const results = await repeat(graph, inputs);
        expect(new Set(results.map(bytesOf)).size).toBe(1);
        // Sums of 40 values of at most 1: each addition rounds.
        expectClose(results[0]!, sumRows(inputs, results[0]!.shape), { tolerance: 2e-6 });
      },
    );

    claim(`products, sums and softmax give the same bytes in ${REPETITIONS} runs`, async () => {
      const x = input("x", ["T", 192], "float32");
      const product = matMul(x, x, { transposeB: true });
      const graph = graphOf({ product, y: mean(softmax(product), { axis: 0 }), z: sum(product) });
      const inputs = { x: randomTensor([157, 192], generator(4)) };
      for (const name of ["product", "y", "z"]) {
        const results = await repeat(graph, inputs, name);
        expect({ name, different: new Set(results.map(bytesOf)).size }).toEqual({ name, different: 1 });
      }
    });

    async function repeat(
      graph: Graph,
      inputs: Readonly<Record<string, HostTensor>>,
      name = "y",
    ): Promise<HostTensor[]> {
      const executable = await engine().compile(graph, hostParameters({}));
      const results: HostTensor[] = [];
      for (let run = 0; run < REPETITIONS; run++) results.push((await runToHost(executable, inputs, [name]))[name]!);
      await executable.dispose();
      return results;
    }
  });
}

function sumRows({ rows, index }: Readonly<Record<string, HostTensor>>, shape: readonly number[]): HostTensor {
  const [numRows, width] = shape as [number, number];
  const data = new Float64Array(numRows * width);
  index!.data.forEach((place, row) => {
    for (let column = 0; column < width; column++) data[place * width + column]! += rows!.data[row * width + column]!;
  });
  return { dtype: "float32", shape: [numRows, width], data };
}
