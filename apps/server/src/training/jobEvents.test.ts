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
  seconds: 0.5,
  tokensPerSecond: 20,
  examplesPerSecond: 2,
  paddingShare: 0,
  stages: [{ forward: 1, backward: 2, idle: 1 }],
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
    const hyperparameters = resolveHyperparameters(task, { learning_rate: 1e-3 }, { numStages: 1, numExamples: 64 });
    const settings = {
      ...trainingSettingsSchema.parse({ data: { path: "a" } }),
      task,
      threads: 1,
      hyperparameters,
    } as const;
    const counts = { numTrain: 64, numEvaluation: 0 };
    const [resolved] = runnerEvents({ type: "prepared", settings, reports: [], labels: [], newWeights: [], ...counts });
    const numbers = { n_epochs: 3, batch_size: 32, learning_rate_multiplier: 20, learning_rate: 1e-3 };
    expect(resolved).toMatchObject({ type: "resolved", method: { task, hyperparameters: numbers } });
  });

  test("keeps every step of a short run, and the share of idle time", () => {
    expect(kept(undefined, 5)).toEqual([1, 2, 3, 4, 5]);
    const [progress] = runnerEvents(stepOf(1, 5));
    expect(progress).toMatchObject({ type: "progress", metrics: { bubble_ratio: 0.25, train_loss: 1 } });
  });

  test("keeps as many steps of a long run as one can look at", () => {
    expect(kept(undefined, 10_000)).toHaveLength(2000);
  });

  test("keeps the steps that logging_steps says, and the last one", () => {
    expect(kept(3, 10)).toEqual([3, 6, 9, 10]);
  });
});
