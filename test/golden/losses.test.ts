/** @file Losses where they easily go wrong: labels that do not count, a logit of exactly 0, logits whose exponential overflows. */
import { float32, hostParameters, int32, runToHost, type Engine } from "@stagecoach/engine";
import { gradients, graphOf, input, sum, type Tensor } from "@stagecoach/graph";
import { binaryCrossEntropy, crossEntropy } from "@stagecoach/transformer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines } from "./engines.ts";

describe.each(Object.keys(engines))("losses on %s", (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engines[engineName]!();
  });
  afterAll(() => engine.dispose());

  test("a row labelled -100 has no loss and no gradient", async () => {
    const { loss, gradient } = await classes([1, 2, 3, 4, 5, 6], [2, -100]);
    expect(loss[1]).toBeCloseTo(0, 12);
    expect(gradient.slice(3)).toEqual([0, 0, 0]);
    expect(loss[0]).toBeCloseTo(Math.log(Math.exp(-2) + Math.exp(-1) + 1), 6);
  });

  test("a class weight multiplies the loss and the gradient of its rows", async () => {
    const [plain, weighted] = [await classes([1, 2, 3], [1]), await classes([1, 2, 3], [1], [7, 2, 7])];
    expect(weighted.loss[0]).toBeCloseTo(2 * plain.loss[0]!, 6);
    weighted.gradient.forEach((value, index) => expect(value).toBeCloseTo(2 * plain.gradient[index]!, 6));
  });

  test("at a logit of 0 binary cross entropy is log 2 and its gradient 1/2 - label", async () => {
    const { loss, gradient } = await binary([0, 0], [1, 0]);
    for (const value of loss) expect(value).toBeCloseTo(Math.LN2, 6);
    expect(gradient[0]).toBeCloseTo(-0.5, 6);
    expect(gradient[1]).toBeCloseTo(0.5, 6);
  });

  test("binary cross entropy of logits of 200 does not overflow", async () => {
    const { loss, gradient } = await binary([200, -200, 200, -200], [0, 1, 1, 0]);
    expect(loss).toEqual([200, 200, expect.closeTo(0, 6), expect.closeTo(0, 6)]);
    expect(gradient).toEqual([1, -1, expect.closeTo(0, 6), expect.closeTo(0, 6)]);
  });

  async function classes(logits: number[], labels: number[], weights?: number[]) {
    const numClasses = logits.length / labels.length;
    const logits_MC = input("logits", ["M", numClasses], "float32");
    const loss_M = crossEntropy(logits_MC, input("labels", ["M"], "int32"), { classWeights: weights });
    return lossAndGradient(loss_M, logits_MC, {
      logits: float32(logits, [labels.length, numClasses]),
      labels: int32(labels, [labels.length]),
    });
  }

  async function binary(logits: number[], labels: number[]) {
    const shape = [1, logits.length];
    const logits_BC = input("logits", shape, "float32");
    const loss_BC = binaryCrossEntropy(logits_BC, input("labels", shape, "float32"));
    return lossAndGradient(loss_BC, logits_BC, { logits: float32(logits, shape), labels: float32(labels, shape) });
  }

  async function lossAndGradient(loss: Tensor, source: Tensor, inputs: Parameters<typeof runToHost>[1]) {
    const [gradient] = gradients(sum(loss), [source]);
    const executable = await engine.compile(graphOf({ loss, gradient: gradient! }), hostParameters({}));
    const outputs = await runToHost(executable, inputs);
    await executable.dispose();
    return { loss: [...outputs["loss"]!.data], gradient: [...outputs["gradient"]!.data].map((value) => value + 0) };
  }
});
