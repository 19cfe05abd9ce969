/**
 * @file Losses of sentence vectors and their gradients are sentence-transformers', in however many micro-batches a step comes.
 *
 * Expected values: test/fixtures/sentence-losses.json (tools/oracles/sentence_losses.py).
 */
import { float32, type Engine } from "@stagecoach/engine";
import { collate, StepLoss, type PlacedExample } from "@stagecoach/training";
import type { SentenceEmbeddingTask, TaskModel } from "@stagecoach/transformer";
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
  /** `[examples * numTexts, teacher's dimensions]` */
  readonly teacherVectors?: readonly number[];
  readonly loss: number;
  readonly gradient: readonly number[];
};

const { dimensions: E, cases } = JSON.parse(readFileSync(`${fixtures}sentence-losses.json`, "utf8")) as {
  readonly dimensions: number;
  readonly cases: readonly Case[];
};
/** 1 / what each part of the loss counts. */
const scalesOf = ({ task }: Case) => ({
  ...(task.loss.name === "none" ? {} : { pairs: 1 / 5 }),
  ...(task.teacher === undefined ? {} : { teacher: 1 / (5 * task.numTexts) }),
});

/** Examples of one token a text: their targets are what counts here. */
function batchOf({ task, similarities, teacherVectors }: Case, examples: readonly number[]) {
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
      ...(teacherVectors === undefined ? {} : { teacherVectors: partOf(teacherVectors, number) }),
    };
  });
  return collate(task, placed, { masking: undefined, vocabulary: undefined });
}

/** What belongs to one of the five examples. */
function partOf(values: readonly number[], example: number): Float32Array {
  const size = values.length / 5;
  return Float32Array.from(values.slice(example * size, (example + 1) * size));
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
  test.each(cases.flatMap((each) => cuts.map((cut) => [each.name, cut.length, { each, cut }] as const)))(
    "%s in %i micro-batches",
    async (_, numMicroBatches, { each, cut }) => {
      const model = { modules: { dimensions: E } } as unknown as TaskModel;
      const stepLoss = await StepLoss.compile(engine, model, each.task);
      const losses: number[] = [];
      for (const [microBatch, examples] of cut.entries()) {
        const vectors = examples.flatMap((number) => [...partOf(each.vectors, number)]);
        const part = {
          embeddings: float32(vectors, [examples.length * each.task.numTexts, E]),
          targets: batchOf(each, examples).targets,
        };
        const { loss } = await stepLoss.add(part, { microBatch, numMicroBatches, scales: scalesOf(each) });
        losses.push(loss!.data[0]!);
      }
      const gradient = cut.flatMap((_examples, microBatch) => [...stepLoss.gradientOf(microBatch).data]);
      await stepLoss.dispose();
      expect(losses.slice(0, -1).every((loss) => loss === 0)).toBe(true);
      expect(Math.abs(losses.at(-1)! / each.loss - 1)).toBeLessThan(1e-6);
      const largest = Math.max(...each.gradient.map(Math.abs));
      expect(worst(gradient, each.gradient)).toBeLessThan(1e-6 * Math.max(1, largest));
    },
  );
});
