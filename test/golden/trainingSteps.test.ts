/**
 * @file Twelve AdamW steps (warm-up, clipping) of every task against PyTorch: losses, gradient norms, parameters; on every
 * engine, whole and cut into stages.
 *
 * Expected values: ../shared/golden (golden/make_golden.py), and test/fixtures/tasks where it has `adamw.json`.
 */
import { createReferenceEngine, type Engine } from "@stagecoach/engine";
import { loadEngine } from "@stagecoach/engine/node";
import { adamWDefaults, clippingScale, LocalPipeline, sharedWeightOf, TrainingStage } from "@stagecoach/training";
import { checkpointNameOf, type TaskModel } from "@stagecoach/transformer";
import { openSafetensors } from "@stagecoach/transformer/node";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures, missing, shared } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { openTask } from "./compareTask.ts";
import { goldenTaskBatch } from "./taskBatch.ts";
import { evenStages } from "./taskPipeline.ts";

type AdamWFile = {
  readonly losses: readonly number[];
  readonly grad_norms: readonly number[];
  readonly lr: number;
  readonly warmup: number;
  readonly steps: number;
};

const foldersOf = (root: string) =>
  existsSync(root)
    ? readdirSync(root)
        .map((name) => `${root}/${name}`)
        .filter((path) => existsSync(`${path}/adamw.json`))
    : [];
const absent = missing(`${shared}golden`);
const folders = [...foldersOf(`${fixtures}tasks`), ...foldersOf(`${shared}golden`)];

const engines: Record<string, () => Promise<Engine>> = {
  reference: () => Promise.resolve(createReferenceEngine()),
  onnxruntime: () => loadEngine("onnxruntime", { threads: 2 }),
  "tfjs-wasm": () => loadEngine("tfjs-wasm", { threads: 1 }),
};

/** Linear warm-up from 0, then linear decay to 0. */
const rateAt = ({ lr, warmup, steps }: AdamWFile, index: number) =>
  lr * (index < warmup ? index / warmup : (steps - index) / (steps - warmup));

describe.each(Object.keys(engines))("twelve steps on %s", (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engines[engineName]!();
  });
  afterAll(() => engine.dispose());

  const cases = folders.flatMap((folder) =>
    [1, 2, 4].map((numStages) => [folder.split("/").slice(-2).join("/"), numStages, folder] as const),
  );
  test.each(cases)("%s in %i stages: losses, norms and parameters are PyTorch's", async (_, numStages, folder) => {
    const {
      losses,
      grad_norms: norms,
      ...schedule
    } = JSON.parse(readFileSync(`${folder}/adamw.json`, "utf8")) as AdamWFile;
    const expected = { losses, grad_norms: norms, ...schedule };
    await using golden = await openSafetensors(`${folder}/golden.safetensors`);
    const { model, weights } = await openTask(folder, golden);
    const withPaddingRows = model.task.name === "question-answering";
    const { batch } = await goldenTaskBatch(golden, model.task, withPaddingRows);
    const stages = await Promise.all(
      evenStages(model.config.numLayers, numStages).map((layers) =>
        TrainingStage.load({
          engine,
          model,
          layers,
          parameter: (name) => Promise.resolve(weights[name]!),
          optimizer: adamWDefaults,
          dropout: null,
          withPaddingRows,
        }),
      ),
    );
    const files = { save: () => Promise.resolve(), restore: () => Promise.resolve() };
    const pipeline = new LocalPipeline({ stages, shared: sharedWeightOf(model), files, now: () => 0 });
    for (let index = 0; index < expected.steps; index++) {
      const { loss, gradientNorm } = await pipeline.accumulate({ step: index + 1, microBatches: [batch] });
      expect(Math.abs(loss / losses[index]! - 1), `loss of step ${index + 1}`).toBeLessThan(1e-5);
      expect(Math.abs(gradientNorm / norms[index]! - 1), `norm of step ${index + 1}`).toBeLessThan(1e-5);
      await pipeline.apply({
        step: index + 1,
        learningRate: rateAt(expected, index),
        gradientScale: clippingScale(gradientNorm, 1),
      });
    }
    expect(await largestParameterError({ golden, model, stages })).toBeLessThan(2e-5);
    await pipeline.close();
  });

  test.skipIf(absent)(`the golden folders of other programs are among them (${absent ?? "present"})`, () => {
    expect(folders.length).toBeGreaterThanOrEqual(8);
  });
});

type Trained = {
  readonly golden: Awaited<ReturnType<typeof openSafetensors>>;
  readonly model: TaskModel;
  readonly stages: readonly TrainingStage[];
};

/**
 * A shift of all scores changes no softmax, so the last bias of a span or a choice has gradient 0 in mathematics, and in float32
 * whatever rounding leaves. AdamW divides by its size: such a parameter wanders by chance, in PyTorch as here.
 */
async function isNoise(golden: Trained["golden"], gradient: string): Promise<boolean> {
  const values = await golden.readFloat32(gradient);
  return values.every((value) => Math.abs(value) < 1e-7);
}

async function largestParameterError({ golden, model, stages }: Trained): Promise<number> {
  let worst = 0;
  let compared = 0;
  for (const stage of stages) {
    for (const name of stage.trained) {
      const expected = `after12.${checkpointNameOf(model, name)}`;
      if (!golden.has(expected)) continue;
      compared++;
      const error = largestError((await stage.readState(name)).data, await golden.readFloat32(expected));
      if (!(await isNoise(golden, `grad.${checkpointNameOf(model, name)}`))) worst = Math.max(worst, error);
    }
  }
  expect(compared).toBeGreaterThanOrEqual(golden.names().filter((name) => name.startsWith("after12.")).length);
  return worst;
}
