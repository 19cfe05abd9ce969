/**
 * @file Symbolic sizes: one executable serves every batch.
 *
 * Dimensions: T packed tokens, B texts, L longest text.
 */
import { createReferenceEngine, hostParameters, runToHost, type HostTensor } from "@stagecoach/engine";
import {
  add,
  backpropagate,
  broadcastTo,
  concat,
  constant,
  graphOf,
  input,
  matMul,
  max,
  mean,
  mul,
  padZeros,
  reshape,
  sizeOf,
  slice,
  softmax,
  sum,
  transpose,
  type Graph,
} from "@stagecoach/graph";
import { describe } from "vitest";
import { attentionBatch, attentionGraph, attentionParameters } from "../attentionExample.ts";
import { expectClose } from "../compare.ts";
import type { Conformance } from "../engine.case.ts";
import { generator, randomTensor } from "../random.ts";

/** Some thirty operations, one after the other, each with its own rounding. */
const TOLERANCE = 5e-6;

export function symbolsSuite({ engine, claim }: Conformance): void {
  const agrees = async (graph: Graph, parameters: Record<string, HostTensor>, batches: readonly Inputs[]) => {
    const executable = await engine().compile(graph, hostParameters(parameters));
    const reference = await createReferenceEngine().compile(graph, hostParameters(parameters));
    for (const given of batches) {
      const actual = await runToHost(executable, given);
      const expected = await runToHost(reference, given);
      for (const [name, values] of Object.entries(expected))
        expectClose(actual[name]!, values, { tolerance: TOLERANCE });
    }
    await executable.dispose();
  };

  describe("symbols", () => {
    claim("one executable computes batches of any number and length of texts", async () => {
      const random = generator(1);
      const lengths = [[1], [3, 1, 4], [13], [1, 1, 1, 1, 1, 1, 1], [17, 2], [3, 1, 4]];
      const batches = lengths.map((each) => attentionBatch(each, random));
      await agrees(attentionGraph(), attentionParameters(random), batches);
    });

    claim("operations that look at shapes take symbols for them, forward and backward", async () => {
      const random = generator(2);
      const sizes = [
        [1, 1],
        [3, 7],
        [7, 3],
        [1, 13],
        [13, 1],
      ] as const;
      const batches = sizes.map(([B, L]) => ({ x: randomTensor([B, L, 6], random), y: randomTensor([L, 4], random) }));
      await agrees(shapesGraph(), {}, batches);
    });
  });
}

type Inputs = Readonly<Record<string, HostTensor>>;

function shapesGraph(): Graph {
  const x = input("x", ["B", "L", 6], "float32");
  const y = input("y", ["L", 4], "float32");
  const heads_BNLH = transpose(reshape(x, ["B", "L", 2, 3]), [0, 2, 1, 3]);
  const outputs = {
    sums: sum(x, { axis: [0, 2] }),
    means: mean(x, { axis: 1, keepDims: true }),
    total: mean(mul(x, x)),
    maxima: max(x, { axis: [0, 1] }),
    sizes: mul(sizeOf(x, [0, 1]), sizeOf(y, [0])),
    scores: matMul(heads_BNLH, heads_BNLH, { transposeB: true }),
    mixed: matMul(x, y, { transposeA: true }),
    stretched: broadcastTo(reshape(sum(y, { axis: 0 }), [1, 4]), ["B", "L", 4]),
    placed: add(padZeros(slice(x, { axis: 2, start: 1, end: 4 }), { axis: 2, before: 2, after: 1 }), x),
    joined: concat([x, reshape(heads_BNLH, ["B", "L", 6])], -1),
    weights: softmax(transpose(x, [2, 0, 1])),
  };
  const differentiable = Object.values(outputs).map((output) => sum(mul(output, output)));
  const loss = differentiable.reduce((total, each) => add(total, each));
  const [towardsX, towardsY] = backpropagate([{ output: loss, gradient: constant(1) }], [x, y]);
  return graphOf({ ...outputs, towardsX: towardsX!, towardsY: towardsY! });
}
