import { describe, expect, test } from "vitest";
import { runnerEvents } from "./jobEvents.ts";
import { resolveHyperparameters } from "./resolveHyperparameters.ts";
import type { JobEvent } from "./runJob.ts";
import { trainingSettingsSchema } from "./trainingSettings.ts";

const stepOf = (step: number, totalSteps: number): JobEvent => ({
  type: "step",
  step,
  totalSteps,
  epoch: 0,
  loss: 1,
  parts: {},
  gradientNorm: 2,
  learningRate: 1e-5,
  trainedTokens: 10,
  trainedExamples: 1,
  seconds: 4.5,
  tokensPerSecond: 20,
  examplesPerSecond: 2,
  paddingShare: 0,
  stages: [
    { forward: 1, backward: 2, idle: 1 },
    { forward: 1, backward: 1, idle: 2 },
  ],
  secondsLeft: 3,
  isReplayed: false,
});
const kept = (loggingSteps: number | undefined, totalSteps: number) =>
  Array.from({ length: totalSteps }, (_, index) => index + 1).filter((step) =>
    runnerEvents(stepOf(step, totalSteps), loggingSteps).some(({ type }) => type === "metrics"),
  );

describe("runnerEvents()", () => {
  test("of a job that is prepared tell OpenAI's three as numbers, and the learning rate that they come to", () => {
    const task = "masked-lm";
    const hyperparameters = resolveHyperparameters(task, { learning_rate: 1e-3 }, { numExamples: 64, maxLength: 128 });
    const settings = {
      ...trainingSettingsSchema.parse({ data: { path: "a" } }),
      task,
      threads: 1,
      schedule: "1f1b",
      hyperparameters,
    } as const;
    const counts = { numTrain: 64, numEvaluation: 0, numTest: 0 };
    const [resolved] = runnerEvents({ type: "prepared", settings, reports: [], labels: [], newWeights: [], ...counts });
    const numbers = { n_epochs: 3, batch_size: 32, learning_rate_multiplier: 20, learning_rate: 1e-3 };
    expect(resolved).toMatchObject({ type: "resolved", method: { task, hyperparameters: numbers } });
  });

  test("keeps every step of a short run", () => {
    expect(kept(undefined, 5)).toEqual([1, 2, 3, 4, 5]);
  });

  test("of a step say where its time went, stage by stage and in all", () => {
    const [progress] = runnerEvents(stepOf(1, 5));
    const stages = [
      { forward: 1, backward: 2, waiting: 1, other: 0.5 },
      { forward: 1, backward: 1, waiting: 2, other: 0.5 },
    ];
    const sums = { forward_seconds: 2, backward_seconds: 3, waiting_seconds: 3, other_seconds: 1 };
    const metrics = { ...sums, train_loss: 1, step_seconds: 4.5, bubble_ratio: 3 / 8 };
    expect(progress).toMatchObject({ type: "progress", stages, metrics });
  });

  test("keeps as many steps of a long run as one can look at", () => {
    expect(kept(undefined, 10_000)).toHaveLength(2000);
  });

  test("tells the test once, with its numbers", () => {
    const metrics = { loss: 0.123456789, accuracy: 1, pearson: null };
    expect(runnerEvents({ type: "test", step: 20, metrics, classes: null })).toEqual([
      {
        type: "message",
        level: "info",
        message: "Test of the checkpoint of step 20: loss=0.123457, accuracy=1, pearson=none",
        data: { test_loss: 0.123456789, test_accuracy: 1, test_pearson: null },
        once: "test",
      },
    ]);
  });

  test("keeps the steps that logging_steps says, and the last one", () => {
    expect(kept(3, 10)).toEqual([3, 6, 9, 10]);
  });
});
