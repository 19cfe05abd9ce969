/**
 * @file Losses of sentence vectors and their gradients are sentence-transformers', in however many micro-batches a step comes.
 *
 * Expected values: test/fixtures/sentence-losses.json (tools/oracles/sentence_losses.py).
 */
import { float32, hostParameters, runToHost, type Engine } from "@stagecoach/engine";
import { graphOf, gradients, input, sum } from "@stagecoach/graph";
import { collate, StepLoss, type PlacedExample } from "@stagecoach/training";
import { embeddingLoss, type SentenceEmbeddingTask, type TaskModel } from "@stagecoach/transformer";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { engines } from "./engines.ts";

type Case = {
  readonly name: string;
  readonly task: SentenceEmbeddingTask;
  /** `[examples, numTexts, dimensions]` */
  readonly vectors: readonly number[];
  readonly similarities?: readonly number[];
  readonly loss: number;
  readonly gradient: readonly number[];
};

const { dimensions: E, cases } = JSON.parse(readFileSync(`${fixtures}sentence-losses.json`, "utf8")) as {
  readonly dimensions: number;
  readonly cases: readonly Case[];
};
const whole = cases.filter(({ task }) => task.loss.name === "in-batch-negatives");
const single = cases.filter(({ task }) => task.loss.name === "cosine-similarity");

/** Examples of one token a text: their targets are what counts here. */
function batchOf({ task, similarities }: Case, examples: readonly number[]) {
  const lengths = Array.from({ length: task.numTexts }, () => 1);
  const placed = examples.map((number): PlacedExample => {
    const bits = similarities === undefined ? [] : new Int32Array(Float32Array.of(similarities[number]!).buffer);
    const target = Int32Array.from([...lengths, ...bits]);
    return {
      ids: new Int32Array(task.numTexts),
      firstSegment: task.numTexts,
      target,
      textId: 0,
      random: () => {
        throw new Error("nothing is drawn");
      },
    };
  });
  return collate(task, placed, { masking: undefined, vocabulary: undefined });
}

const worst = (actual: Iterable<number>, expected: readonly number[]) =>
  Math.max(...Array.from(actual, (value, index) => Math.abs(value - expected[index]!)));

describe.each(Object.keys(engines))("losses of vectors on %s", (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engines[engineName]!();
  });
  afterAll(() => engine.dispose());

  const cuts = [
    [[0, 1, 2, 3, 4]],
    [
      [0, 1],
      [2, 3, 4],
    ],
    [[0], [1, 2, 3], [4]],
  ];
  test.each(whole.flatMap((each) => cuts.map((cut) => [each.name, cut.length, { each, cut }] as const)))(
    "%s in %i micro-batches",
    async (_, numMicroBatches, { each, cut }) => {
      const model = { modules: { dimensions: E } } as unknown as TaskModel;
      const stepLoss = await StepLoss.compile(engine, model, each.task);
      const width = each.task.numTexts * E;
      const losses: number[] = [];
      for (const [microBatch, examples] of cut.entries()) {
        const vectors = examples.flatMap((number) => each.vectors.slice(number * width, (number + 1) * width));
        const part = {
          embeddings: float32(vectors, [examples.length * each.task.numTexts, E]),
          targets: batchOf(each, examples).targets,
        };
        const { data } = await stepLoss.add(part, { microBatch, numMicroBatches, scale: 1 / 5 });
        losses.push(data[0]!);
      }
      const gradient = cut.flatMap((_examples, microBatch) => [...stepLoss.gradientOf(microBatch).data]);
      await stepLoss.dispose();
      expect(losses.slice(0, -1).every((loss) => loss === 0)).toBe(true);
      expect(Math.abs(losses.at(-1)! / each.loss - 1)).toBeLessThan(1e-6);
      expect(worst(gradient, each.gradient)).toBeLessThan(1e-6);
    },
  );

  test.each(single.map((each) => [each.name, each] as const))("%s", async (_, each) => {
    const embeddings = input("embeddings", ["B", E], "float32");
    const loss = sum(embeddingLoss(embeddings, each.task).pairs);
    const [gradient] = gradients(loss, [embeddings]);
    const graph = graphOf({ loss, gradient: gradient! });
    const executable = await engine.compile(graph, hostParameters({}));
    const { targets } = batchOf(each, [0, 1, 2, 3, 4]);
    const result = await runToHost(executable, { ...targets, embeddings: float32(each.vectors, [10, E]) });
    await executable.dispose();
    expect(Math.abs(result["loss"]!.data[0]! / 5 / each.loss - 1)).toBeLessThan(1e-6);
    expect(
      worst(
        Array.from(result["gradient"]!.data, (value) => value / 5),
        each.gradient,
      ),
    ).toBeLessThan(1e-6);
  });
});
