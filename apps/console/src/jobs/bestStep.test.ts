import { describe, expect, test } from "vitest";
import { bestOf, isGreaterBetter, metricOfJob } from "./bestStep.ts";

const jobOf = (task: string, hyperparameters: Record<string, unknown> = {}) => ({
  method: { supervised: { task, hyperparameters } },
});

describe("metricOfJob()", () => {
  test("is what the job names", () => {
    const job = jobOf("sequence-classification", { metric_for_best_model: "f1_macro" });
    expect(metricOfJob(job, { names: ["valid_accuracy", "valid_f1_macro"] })).toBe("valid_f1_macro");
  });

  // As libs/training/src/metrics/tasks declares them.
  test.each([
    ["sequence-classification", ["loss", "accuracy", "f1_macro"], "accuracy"],
    ["sequence-classification", ["loss", "f1_micro", "subset_accuracy"], "f1_micro"],
    ["sequence-classification", ["loss", "mse", "pearson"], "mse"],
    ["token-classification", ["loss", "f1", "accuracy"], "f1"],
    ["token-classification", ["loss", "accuracy"], "accuracy"],
    ["masked-lm", ["loss", "perplexity"], "loss"],
  ])("of %s with %j it is %s", (task, names, metric) => {
    const told = { names: ["train_loss", ...names.map((name) => `valid_${name}`)] };
    expect(metricOfJob(jobOf(task), told)).toBe(`valid_${metric}`);
  });

  test("is unknown before the first evaluation", () => {
    expect(metricOfJob(jobOf("masked-lm"), { names: ["train_loss"] })).toBeNull();
  });
});

describe("bestOf()", () => {
  test("takes the greatest accuracy, the first of equal ones", () => {
    expect(bestOf("valid_accuracy", { steps: [5, 10, 15], values: [0.5, 1, 1] })).toEqual({ step: 10, value: 1 });
  });

  test("takes the least loss", () => {
    expect(bestOf("valid_loss", { steps: [5, 10, 15], values: [3, 1, 2] })).toEqual({ step: 10, value: 1 });
  });
});

test("isGreaterBetter() knows losses and errors, also behind a prefix", () => {
  expect(["valid_loss", "mlm_loss", "valid_mse", "perplexity", "rmse"].map(isGreaterBetter)).toEqual(
    Array.from({ length: 5 }, () => false),
  );
  expect(["accuracy", "valid_f1", "pearson"].every(isGreaterBetter)).toBe(true);
});
