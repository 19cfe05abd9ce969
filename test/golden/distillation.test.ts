/**
 * @file A teacher's softened logits beside labels against PyTorch, with and without class weights: loss, its parts and gradients, on every
 * engine.
 *
 * Expected values: test/fixtures/distillation.json (tools/oracles/distillation.py).
 */
import { adamWDefaults, TrainingStage } from "@stagecoach/training";
import { checkpointNameOf, type Target, type Task, type TaskModel } from "@stagecoach/transformer";
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
  readonly temperature: number;
  readonly alpha: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
};
const { teacherLogits, cases } = JSON.parse(readFileSync(`${fixtures}distillation.json`, "utf8")) as {
  readonly teacherLogits: readonly (readonly number[])[];
  readonly cases: readonly Case[];
};

describe.each(Object.keys(engines))("a teacher's logits on %s", (engineName) => {
  test.each(cases)("T $temperature, alpha $alpha, weighted: $weighted", async (expected) => {
    const { weighted, temperature, alpha, gradients } = expected;
    const folder = `${fixtures}tasks/bert-class-weights`;
    await using tensors = await openSafetensors(`${folder}/golden.safetensors`);
    const { model: base, weights } = await openTask(folder, tensors);
    const { classWeights, ...plain } = base.task as Task & { readonly name: "sequence-classification" };
    const distillation = { temperature, alpha };
    const task: Task = { ...plain, distillation, ...(weighted ? { classWeights: classWeights! } : {}) };
    const model: TaskModel = { ...base, task };
    const { batch: labelled } = await goldenTaskBatch(tensors, task, false);
    const [B, C] = [teacherLogits.length, task.numLabels];
    const teacher_logits: Target = { dtype: "float32", shape: [B, C], data: Float32Array.from(teacherLogits.flat()) };
    const batch = { ...labelled, targets: { ...labelled.targets, teacher_logits } };
    const engine = await engines[engineName]!();
    const stage = await TrainingStage.load({
      engine,
      model,
      layers: { start: 0, end: model.config.numLayers },
      parameter: (name) => Promise.resolve(weights[name]!),
      optimizer: adamWDefaults,
      dropout: null,
    });
    const scales = { labels: 1 / batch.counts["labels"]!, teacher: 1 / B };
    const outputs = await stage.forward(batch, { microBatch: 0, numMicroBatches: 1, scales });
    const numbers = ["loss", "loss.labels", "loss.teacher"].map((name) => outputs[name]!.data[0]!);
    const { labels, teacher } = expected.parts;
    expect(largestError(numbers, [expected.loss, labels!, teacher!])).toBeLessThan(1e-6);
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
