import { describe, expect, test } from "vitest";
import type { TrainingJobResult } from "../training/runJob.ts";
import { TrainingDisplay } from "./trainingDisplay.ts";

const step = {
  type: "step",
  step: 1,
  totalSteps: 2,
  epoch: 1,
  loss: 1,
  parts: {},
  gradientNorm: 1,
  learningRate: 1e-5,
  trainedTokens: 10,
  trainedExamples: 1,
  seconds: 4,
  tokensPerSecond: 5,
  examplesPerSecond: 1,
  paddingShare: 0,
  stages: [
    { forward: 1, backward: 2, idle: 0.5 },
    { forward: 1, backward: 1, idle: 2 },
  ],
  secondsLeft: 0,
  isReplayed: false,
} as const;

/** A run of two steps. */
const succeeded = {
  status: "succeeded",
  modelFolder: "out/model",
  settings: {} as never,
  summary: {
    status: "finished",
    stop: null,
    step: 2,
    totalSteps: 2,
    trainedTokens: 20,
    trainedExamples: 2,
    bestStep: 2,
    best: null,
    replayedSteps: 0,
    seconds: 8,
    test: null,
  },
  metrics: null,
  classes: null,
  evaluations: [],
} as const satisfies TrainingJobResult;

const displayed = () => new TrainingDisplay({ write: () => true } as unknown as NodeJS.WriteStream);

describe("the summary of stagecoach train", () => {
  test("says of each stage what its time was spent on, over all steps", () => {
    const display = displayed();
    display.show(step);
    display.show({
      ...step,
      step: 2,
      stages: step.stages.map(({ idle }) => ({ forward: 0, backward: 4 - idle, idle })),
    });
    expect(display.summary(succeeded, "out").split("\n").slice(1, 6)).toEqual([
      "  Trained 2 steps on 20 tokens",
      "",
      "  Stage 0  forward 13 %, backward 69 %, waiting 13 %, other 6 %",
      "  Stage 1  forward 13 %, backward 38 %, waiting 50 %, other 0 %",
      "  Model    out/model",
    ]);
  });

  test("says how many steps were made twice, where some were", () => {
    const replayed = { ...succeeded, summary: { ...succeeded.summary, replayedSteps: 3 } };
    expect(displayed().summary(replayed, "out")).toContain("\n  Made again after a loss: 3 steps\n");
    expect(displayed().summary(succeeded, "out")).not.toContain("Made again");
  });

  test("of a run that had been finished says nothing of stages", () => {
    expect(displayed().summary(succeeded, "out")).not.toContain("Stage");
  });
});
