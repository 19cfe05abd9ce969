/**
 * @file The gradients that a training run applies, against PyTorch: those that its stages hold after the passes of a step, with fused
 * gradient rules, saved or recomputed activations, and sums over micro-batches; on every engine, whole and cut into stages.
 *
 * Expected values: ../shared/golden (golden/make_golden.py), and test/fixtures/tasks (tools/oracles/task_models.py).
 */
import type { Engine } from "@stagecoach/engine";
import { sharedWeightOf } from "@stagecoach/training";
import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures, missing, shared } from "../harness/paths.ts";
import { compareGradients } from "./compareTask.ts";
import { engines } from "./engines.ts";
import { openGoldenTraining, type GoldenTraining } from "./goldenTraining.ts";

const LOSS_TOLERANCE = 1e-6;
/** Of the largest absolute gradient in the model. */
const GRADIENT_TOLERANCE = 1e-5;

const foldersOf = (root: string) =>
  existsSync(root)
    ? readdirSync(root)
        .map((name) => `${root}/${name}`)
        .filter((path) => existsSync(`${path}/golden.safetensors`) && existsSync(`${path}/config.json`))
    : [];
const nameOf = (folder: string) => folder.split("/").slice(-2).join("/");
const absent = missing(`${shared}golden`);
/** Two layers each. */
const own = foldersOf(`${fixtures}tasks`);
/** Those with a task; four layers each. */
const golden = foldersOf(`${shared}golden`).filter((path) => existsSync(`${path}/adamw.json`));

describe.each(Object.keys(engines))("the gradients of a step on %s", (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engines[engineName]!();
  });
  afterAll(() => engine.dispose());

  const cut = (folders: readonly string[], stages: readonly number[]) =>
    folders.flatMap((folder) => stages.map((numStages) => [nameOf(folder), numStages, folder] as const));
  const cases = [...cut(own, [1, 2]), ...cut(golden, [1, 2, 4])];
  test.each(cases)("%s in %i stages: PyTorch's, also as a sum over micro-batches", async (_, numStages, folder) => {
    await using training = await openGoldenTraining(folder, { engine, numStages });
    await expectGradients(training, 1);
    await expectGradients(training, 3);
  });

  test.each([...own, ...golden].map((folder) => [nameOf(folder), folder] as const))(
    "%s in 2 stages that compute activations again: PyTorch's",
    async (_, folder) => {
      await using training = await openGoldenTraining(folder, { engine, numStages: 2, recompute: true });
      await expectGradients(training, 1);
    },
  );

  test.skipIf(absent)(`the golden folders of other programs are among them (${absent ?? "present"})`, () => {
    expect(golden.length).toBeGreaterThanOrEqual(8);
  });
});

/** The batch so many times: a mean over all of them is the mean over one. */
async function expectGradients(training: GoldenTraining, times: number): Promise<void> {
  const { golden: values, model, batch, pipeline } = training;
  const { loss } = await pipeline.accumulate({ step: 1, microBatches: Array.from({ length: times }, () => batch) });
  expect(Math.abs(loss - (await values.readFloat32("output.loss"))[0]!)).toBeLessThan(LOSS_TOLERANCE);
  const { gradients, unmatched } = await compareGradients(values, model, await heldGradients(training));
  expect(unmatched).toEqual([]);
  expect(gradients).toBeLessThan(GRADIENT_TOLERANCE);
}

/** By the names of graphs. The two holders of a shared weight have agreed on one sum; parts of a bias that all layers share are added. */
async function heldGradients({ model, stages }: GoldenTraining): Promise<Map<string, Float64Array>> {
  const copy = sharedWeightOf(model)?.copy;
  const held = new Map<string, Float64Array>();
  for (const stage of stages) {
    for (const name of stage.trained.filter((each) => each !== copy)) {
      const { data } = await stage.readGradient(name);
      const total = held.get(name) ?? new Float64Array(data.length);
      data.forEach((value, index) => (total[index]! += value));
      held.set(name, total);
    }
  }
  return held;
}
