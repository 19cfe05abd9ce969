/**
 * @file Training sentence vectors from rows of text: losses of six steps, and the vectors after them, are sentence-transformers',
 * in one stage and in several, in one micro-batch and in several.
 *
 * Expected values: test/fixtures/sentence-training.json (tools/oracles/sentence_losses.py).
 */
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import {
  adamWDefaults,
  BatchedDataSet,
  clippingScale,
  collate,
  encodeExamples,
  LocalPipeline,
  type RowSource,
  type StageSettings,
} from "@stagecoach/training";
import { loadTrainingStage, restoreStage, saveStage } from "@stagecoach/training/node";
import type { Task } from "@stagecoach/transformer";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fixtures, tinyEncoder } from "../harness/paths.ts";
import { evenStages } from "./taskPipeline.ts";

type Run = {
  readonly name: string;
  readonly rows: readonly Record<string, unknown>[];
  readonly losses: readonly number[];
  readonly texts: readonly string[];
  readonly vectors: readonly (readonly number[])[];
};

const { steps, learningRate, runs } = JSON.parse(readFileSync(`${fixtures}sentence-training.json`, "utf8")) as {
  readonly steps: number;
  readonly learningRate: number;
  readonly runs: readonly Run[];
};

const sourceOf = (rows: Run["rows"]): RowSource => ({
  name: "rows.jsonl",
  isTyped: true,
  async *read() {
    yield rows.map((values, index) => ({ line: index + 1, values }));
  },
});

async function openPipeline(task: Task, numStages: number): Promise<LocalPipeline> {
  const settings: StageSettings = {
    task,
    dropout: null,
    seed: 0,
    optimizer: { ...adamWDefaults, weightDecay: 0 },
    freeze: [],
    recompute: numStages > 1,
    replaceHead: false,
  };
  const loaded = await Promise.all(
    evenStages(4, numStages).map((layers) =>
      loadTrainingStage({ folder: tinyEncoder, layers, engine: "onnxruntime", threads: 1, settings }),
    ),
  );
  return new LocalPipeline({
    stages: loaded.map(({ stage }) => stage),
    shared: null,
    files: { save: saveStage, restore: restoreStage },
    now: () => 0,
  });
}

describe.each(runs.map((run) => [run.name, run] as const))("%s", (name, run) => {
  test.each([
    [1, 1],
    [1, 3],
    [2, 3],
    [4, 2],
  ])("in %i stages and %i micro-batches: losses and vectors are sentence-transformers'", async (numStages, count) => {
    const encoded = await encodeExamples(sourceOf(run.rows), {
      tokenizer: await loadTokenizer(tinyEncoder),
      task: "sentence-embedding",
    });
    expect(encoded.task.name).toBe("sentence-embedding");
    const task = name === "hard negatives at two sizes" ? { ...encoded.task, dimensions: [32, 8] } : encoded.task;
    const data = new BatchedDataSet(encoded, { seed: 3, batchSize: run.rows.length, microBatches: { count }, task });
    const pipeline = await openPipeline(task, numStages);
    for (let index = 0; index < steps; index++) {
      const { microBatches } = data.batch(index, 0);
      expect(microBatches).toHaveLength(count);
      const { loss, gradientNorm } = await pipeline.accumulate({ step: index + 1, microBatches });
      expect(Math.abs(loss / run.losses[index]! - 1), `loss of step ${index + 1}`).toBeLessThan(2e-5);
      await pipeline.apply({ step: index + 1, learningRate, gradientScale: clippingScale(gradientNorm, 1) });
    }
    const numTexts = "numTexts" in task ? task.numTexts : 0;
    const all = run.rows.map((_, index) => ({ ...encoded.store.get(index), textId: 0, random: neverDrawn }));
    const { embeddings } = await pipeline.evaluate(collate(task, all, { masking: undefined, vocabulary: undefined }));
    await pipeline.close();
    const [, size] = embeddings!.shape as [number, number];
    run.vectors.forEach((expected, index) => {
      const [text, example] = [Math.floor(index / run.rows.length), index % run.rows.length];
      const row = example * numTexts + text;
      const actual = embeddings!.data.subarray(row * size, (row + 1) * size);
      const error = Math.max(...expected.map((value, place) => Math.abs(value - actual[place]!)));
      expect(error, run.texts[index]).toBeLessThan(2e-5);
    });
  });
});

const neverDrawn = (): never => {
  throw new Error("nothing is drawn for sentence vectors");
};
