/**
 * @file Twelve AdamW steps (warm-up, clipping) of every task against PyTorch: losses, gradient norms, parameters; on every
 * engine, whole and cut into stages.
 *
 * Expected values: ../shared/golden (golden/make_golden.py), and test/fixtures/tasks where it has `adamw.json`.
 */
import type { Engine } from "@stagecoach/engine";
import { clippingScale } from "@stagecoach/training";
import { checkpointNameOf, type WeightSource } from "@stagecoach/transformer";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures, missing, shared } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { engines } from "./engines.ts";
import { openGoldenTraining, type GoldenTraining } from "./goldenTraining.ts";

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
    await using training = await openGoldenTraining(folder, { engine, numStages });
    const { pipeline, batch } = training;
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
    expect(await largestParameterError(training)).toBeLessThan(2e-5);
  });

  test.skipIf(absent)(`the golden folders of other programs are among them (${absent ?? "present"})`, () => {
    expect(folders.length).toBeGreaterThanOrEqual(8);
  });
});

/**
 * A shift of all scores changes no softmax, so the last bias of a span or a choice has gradient 0 in mathematics, and in float32
 * whatever rounding leaves. AdamW divides by its size: such a parameter wanders by chance, in PyTorch as here.
 */
async function isNoise(golden: WeightSource, gradient: string): Promise<boolean> {
  const values = await golden.readFloat32(gradient);
  return values.every((value) => Math.abs(value) < 1e-7);
}

async function largestParameterError({ golden, model, stages }: GoldenTraining): Promise<number> {
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
