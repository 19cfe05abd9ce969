/**
 * @file Smoothed labels against torch.nn.CrossEntropyLoss, with and without class weights: loss and gradients, on every engine.
 *
 * Expected values: test/fixtures/label-smoothing.json (tools/oracles/label_smoothing.py).
 */
import { adamWDefaults, TrainingStage } from "@stagecoach/training";
import { checkpointNameOf, type Task, type TaskModel } from "@stagecoach/transformer";
import { openSafetensors } from "@stagecoach/transformer/node";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { openTask } from "./compareTask.ts";
import { engines } from "./engines.ts";
import { goldenTaskBatch } from "./taskBatch.ts";

type Case = {
  readonly weighted: boolean;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
};
const { labelSmoothing, cases } = JSON.parse(readFileSync(`${fixtures}label-smoothing.json`, "utf8")) as {
  readonly labelSmoothing: number;
  readonly cases: readonly Case[];
};

describe.each(Object.keys(engines))("smoothed labels on %s", (engineName) => {
  test.each(cases)("weighted: $weighted", async ({ weighted, loss: expectedLoss, gradients }) => {
    const folder = `${fixtures}tasks/bert-class-weights`;
    await using tensors = await openSafetensors(`${folder}/golden.safetensors`);
    const { model: base, weights } = await openTask(folder, tensors);
    const { classWeights, ...plain } = base.task as Task & { readonly name: "sequence-classification" };
    const task: Task = { ...plain, labelSmoothing, ...(weighted ? { classWeights: classWeights! } : {}) };
    const model: TaskModel = { ...base, task };
    const { batch } = await goldenTaskBatch(tensors, task, false);
    const engine = await engines[engineName]!();
    const stage = await TrainingStage.load({
      engine,
      model,
      layers: { start: 0, end: model.config.numLayers },
      parameter: (name) => Promise.resolve(weights[name]!),
      optimizer: adamWDefaults,
      dropout: null,
    });
    const scales = { labels: 1 / batch.counts["labels"]! };
    const { loss } = await stage.forward(batch, { microBatch: 0, numMicroBatches: 1, scales });
    expect(Math.abs(loss!.data[0]! - expectedLoss)).toBeLessThan(1e-6);
    await stage.backward(0, null);
    const names = stage.trained.filter((name) => Object.hasOwn(gradients, checkpointNameOf(model, name)));
    expect(names).toHaveLength(2);
    for (const name of names) {
      const { data } = await stage.readGradient(name);
      expect(largestError(data, gradients[checkpointNameOf(model, name)]!), name).toBeLessThan(1e-6);
    }
    await stage.close();
    await engine.dispose();
  });
});
