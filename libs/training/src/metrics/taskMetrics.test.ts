/**
 * Expected losses: libs/training/fixtures/task-losses.json, written by tools/oracles/task_losses.py (torch 2.15; seed 0). What
 * the metrics themselves should be is tested in scores.test.ts; here it is counted by hand.
 */
import { readFileSync } from "node:fs";
import type { Target, Task } from "@stagecoach/transformer";
import { describe, expect, test } from "vitest";
import { MetricError } from "../errors.ts";
import { isGreaterBetter, isImprovement } from "./metricDirection.ts";
import type { EvaluatedBatch, TaskOutputs } from "./tasks/accumulator.ts";
import { taskMetrics, type TaskMetricOptions } from "./taskMetrics.ts";

const losses = JSON.parse(readFileSync(new URL("../../fixtures/task-losses.json", import.meta.url), "utf8")) as {
  readonly single: { readonly logits: number[]; readonly labels: number[]; readonly loss: number };
  readonly weighted: { readonly classWeights: number[]; readonly loss: number };
  readonly multiLabel: { readonly labels: number[]; readonly loss: number };
  readonly regression: { readonly logits: number[]; readonly labels: number[]; readonly loss: number };
  readonly regressionOfTwo: { readonly logits: number[]; readonly labels: number[]; readonly loss: number };
  readonly spans: Record<"logits" | "lengths" | "starts" | "ends", number[]> & { readonly loss: number };
};

const ids = (...data: number[]): Target => ({ dtype: "int32", shape: [data.length], data: Int32Array.from(data) });
const rows = (data: readonly number[], ...shape: number[]) => ({ shape, data: Float64Array.from(data) });

/** `lengths` tokens per text; examples count from `first`. */
function batchOf(lengths: readonly number[], targets: EvaluatedBatch["batch"]["targets"], first = 0): EvaluatedBatch {
  return { batch: { lengths: Int32Array.from(lengths), targets }, examples: lengths.map((_, text) => first + text) };
}

function evaluate(
  task: Task,
  batches: readonly { readonly batch: EvaluatedBatch; readonly outputs: TaskOutputs }[],
  options?: TaskMetricOptions,
) {
  const metrics = taskMetrics(task, options);
  for (const { batch, outputs } of batches) metrics.add(batch, outputs);
  return metrics.finish();
}

/** Seven texts of one token, cut into batches of 4 and 3. */
function inTwoBatches(logits: readonly number[], labels: readonly number[]) {
  const [C, perText] = [logits.length / 7, labels.length / 7];
  return [
    [0, 4],
    [4, 7],
  ].map(([start, end]) => ({
    batch: batchOf(
      Array.from({ length: end! - start! }, () => 1),
      {
        labels: {
          dtype: "float32",
          shape: [],
          data: Float32Array.from(labels.slice(start! * perText, end! * perText)),
        },
      },
      start,
    ),
    outputs: { logits: rows(logits.slice(start! * C, end! * C), end! - start!, C) },
  }));
}

describe("taskMetrics(): sequence classification", () => {
  const task = { name: "sequence-classification", problemType: "single_label_classification", numLabels: 3 } as const;
  const { single, weighted, multiLabel, regression, regressionOfTwo } = losses;

  test("has torch's cross-entropy over the whole data, however it is cut", () => {
    expect(evaluate(task, inTwoBatches(single.logits, single.labels)).loss).toBeCloseTo(single.loss, 12);
  });

  test("has torch's cross-entropy with class weights", () => {
    const { classWeights, loss } = weighted;
    const result = evaluate({ ...task, classWeights }, inTwoBatches(single.logits, single.labels));
    expect(result.loss).toBeCloseTo(loss, 12);
  });

  test("counts right predictions, by class and in a confusion matrix", () => {
    const batch = batchOf([1, 1, 1, 1], { labels: ids(0, 1, 1, 2) }, 10);
    const logits = rows([9, 0, 0, 0, 9, 0, 9, 0, 0, 0, 0, 9], 4, 3);
    const result = evaluate(task, [{ batch, outputs: { logits } }], { labels: ["a", "b", "c"] });
    expect(result).toMatchObject({ primary: "accuracy", metrics: { accuracy: 0.75, loss: result.loss } });
    expect(result.metrics["f1_macro"]).toBeCloseTo((2 / 3 + 2 / 3 + 1) / 3, 12);
    expect(result.confusion).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
    ]);
    expect(result.classes![1]).toEqual({
      label: "b",
      precision: 1,
      recall: 0.5,
      f1: expect.closeTo(2 / 3),
      support: 2,
    });
    expect(result.predictions[2]).toMatchObject({ kind: "label", example: 12, target: 1, predicted: 0 });
  });

  test("adds the scores of class 1 where there are two", () => {
    const batch = batchOf([1, 1, 1], { labels: ids(0, 1, 1) });
    const logits = rows([0, 1, 0, 2, 0, 3], 3, 2);
    const result = evaluate({ ...task, numLabels: 2 }, [{ batch, outputs: { logits } }]);
    expect(result.metrics).toMatchObject({ precision: 2 / 3, recall: 1, f1: 0.8, roc_auc: 1, mcc: 0 });
  });

  test("has torch's binary cross-entropy for several labels, and predicts above the threshold only", () => {
    const multi = { ...task, problemType: "multi_label_classification" } as const;
    const result = evaluate(multi, inTwoBatches(single.logits, multiLabel.labels));
    expect(result.loss).toBeCloseTo(multiLabel.loss, 12);
    const batch = batchOf([1], { labels: { dtype: "float32", shape: [1, 3], data: Float32Array.of(1, 0, 0) } });
    const one = evaluate(multi, [{ batch, outputs: { logits: rows([2, 1, 0], 1, 3) } }], { threshold: 0.8 });
    expect(one).toMatchObject({ metrics: { subset_accuracy: 1, f1_micro: 1 }, predictions: [{ predicted: [0] }] });
  });

  test("has torch's mean squared error for one value and for two", () => {
    const task1 = { ...task, problemType: "regression", numLabels: 1 } as const;
    const result = evaluate(task1, inTwoBatches(regression.logits, regression.labels));
    expect(result.loss).toBeCloseTo(regression.loss, 6); // labels are float32
    expect(result).toMatchObject({ primary: "mse", metrics: { mse: result.loss } });
    const two = evaluate({ ...task1, numLabels: 2 }, inTwoBatches(regressionOfTwo.logits, regressionOfTwo.labels));
    expect(two.loss).toBeCloseTo(regressionOfTwo.loss, 6);
  });

  test("has no correlation for constant predictions, and goes on", () => {
    const task1 = { ...task, problemType: "regression", numLabels: 1 } as const;
    const { metrics } = evaluate(task1, inTwoBatches([1, 1, 1, 1, 1, 1, 1], regression.labels));
    expect(metrics).toMatchObject({ pearson: null, spearman: null, mse: expect.any(Number) });
  });

  test("has no loss for logits that are not numbers, and goes on", () => {
    const logits = single.logits.map(() => NaN);
    expect(evaluate(task, inTwoBatches(logits, single.labels))).toMatchObject({ loss: null, metrics: { mcc: 0 } });
  });

  test("has nothing where nothing was evaluated", () => {
    expect(evaluate(task, [])).toMatchObject({ loss: null, metrics: { accuracy: null, loss: null } });
  });

  test("rejects a label that is none of its classes, a missing output, and names of another number of labels", () => {
    const batch = batchOf([1], { labels: ids(3) });
    const logits = rows([0, 0, 0], 1, 3);
    expect(() => evaluate(task, [{ batch, outputs: { logits } }])).toThrow("expected a label from 0 to 2, got 3");
    expect(() => evaluate(task, [{ batch, outputs: { loss: logits } }])).toThrow(
      "expected the output logits, got loss",
    );
    expect(() => taskMetrics(task, { labels: ["a"] })).toThrow("expected names of 3 labels, got 1");
  });
});

describe("taskMetrics(): token classification", () => {
  const task = { name: "token-classification", numLabels: 3 } as const;
  /** Two texts of 3 and 4 tokens; the labelled rows are words' first tokens. Right is O B | B I O, predicted O B | B O O. */
  const batch = batchOf([3, 4], { label_rows: ids(0, 2, 3, 5, 6), labels: ids(0, 1, 1, 2, 0) });
  const one = (label: number) => [0, 1, 2].map((each) => (each === label ? 5 : 0));
  const logits = rows([0, 2, 1, 1, 2, 0, 0].flatMap(one), 7, 3);

  test("scores entities, each in its text", () => {
    const result = evaluate(task, [{ batch, outputs: { logits } }], { labels: ["O", "B-X", "I-X"] });
    expect(result).toMatchObject({
      primary: "f1",
      metrics: { precision: 0.5, recall: 0.5, f1: 0.5, accuracy: 0.8 },
      classes: [{ label: "X", support: 2, f1: 0.5 }],
      predictions: [
        { kind: "tags", example: 0, target: ["O", "B-X"], predicted: ["O", "B-X"] },
        { kind: "tags", example: 1, target: ["B-X", "I-X", "O"], predicted: ["B-X", "O", "O"] },
      ],
    });
  });

  test("scores other labels as classes of tokens", () => {
    const result = evaluate(task, [{ batch, outputs: { logits } }], { labels: ["NOUN", "VERB", "X"] });
    expect(result).toMatchObject({ primary: "accuracy", metrics: { accuracy: 0.8 } });
    expect(result.metrics["f1_macro"]).toBeCloseTo((0.8 + 1 + 0) / 3, 12);
  });
});

describe("taskMetrics(): question answering", () => {
  const task = { name: "question-answering" } as const;
  const { spans } = losses;
  const offsets = [-1, -1, 0, 3, 4, 7];
  const data = {
    questions: [
      { context: "one two", answers: ["the two"] },
      { context: "red sun", answers: ["moon"] },
    ],
    windows: [0, 0, 1].map((question) => ({ question, offsets })),
  };
  /** Three windows of 3 tokens; the answer of the first question stands out in its second window. */
  const outputs = { logits: rows([0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5, 5, 0, 0, 3, 3, 0, 0], 9, 2) };
  const batch = batchOf([3, 3, 3], {});

  test("has the mean of the cross-entropies of start and end", () => {
    const targets = { start_positions: ids(...spans.starts), end_positions: ids(...spans.ends) };
    const answers = {
      questions: [{ context: "", answers: ["x"] }],
      windows: spans.lengths.map((length) => ({ question: 0, offsets: Array.from({ length: 2 * length }, () => -1) })),
    };
    const logits = rows(spans.logits, spans.logits.length / 2, 2);
    const result = evaluate(task, [{ batch: batchOf(spans.lengths, targets), outputs: { logits } }], { answers });
    expect(result.loss).toBeCloseTo(spans.loss, 12);
  });

  test("decodes over the windows of each question, in percent", () => {
    const result = evaluate(task, [{ batch, outputs }], { answers: data });
    expect(result).toMatchObject({ primary: "f1", loss: null, metrics: { exact: 50, f1: 50 } });
    expect(result.predictions).toMatchObject([
      { question: 0, predicted: "two" },
      { question: 1, predicted: "red" },
    ]);
  });

  test("scores as SQuAD v2 where a question has no answer", () => {
    const answers = { ...data, questions: [data.questions[0]!, { context: "red sun", answers: [] }] };
    const { metrics } = evaluate(task, [{ batch, outputs }], { answers });
    // The first question's score of no answer is -10 below its answer's, the second's -6: a threshold between answers both.
    expect(metrics).toMatchObject({ exact: 50, has_answer_f1: 100, no_answer_f1: 0 });
    expect(metrics).toMatchObject({ best_f1: 100, best_f1_threshold: -10 });
  });

  test("counts a question without an answer as wrong where one is always given", () => {
    const questions = [data.questions[0]!, { context: "red sun", answers: [] }];
    const answers = { ...data, questions, decoding: { allowNoAnswer: false } };
    const { metrics } = evaluate(task, [{ batch, outputs }], { answers });
    expect(metrics).toMatchObject({ exact: 50, has_answer_exact: 100, no_answer_exact: 0 });
  });

  test("needs the questions, and windows that fit", () => {
    expect(() => taskMetrics(task)).toThrow("expected the questions and their windows");
    expect(() => evaluate(task, [{ batch: batchOf([9], {}), outputs }], { answers: data })).toThrow(
      "expected example 0 to be a window of 9 tokens, got one of 3 tokens of question 0",
    );
  });
});

describe("taskMetrics(): multiple choice and pre-training", () => {
  const masked = {
    masked_rows: ids(0, 2, 3),
    masked_labels: ids(7, 8, 9),
  };
  const tokenOutputs = {
    masked_lm_loss: rows([1, 2, 6], 3),
    masked_lm_correct: rows([1, 0, 0], 3),
  };
  const sentences = { next_sentence_labels: ids(0, 1) };
  const sentenceOutputs = { next_sentence_logits: rows([0, 0, 0, Math.log(3)], 2, 2) };

  test("counts questions whose right choice has the highest logit", () => {
    const batch = { ...batchOf([1, 1, 1, 1], { labels: ids(0, 1) }), examples: [7, 9] };
    const outputs = { logits: rows([1, 0, 1, 0], 2, 2) };
    const result = evaluate({ name: "multiple-choice", numChoices: 2 }, [{ batch, outputs }]);
    expect(result).toMatchObject({ metrics: { accuracy: 0.5 }, predictions: [{ example: 7 }, { example: 9 }] });
  });

  test("has loss, perplexity and accuracy of masked tokens", () => {
    const result = evaluate({ name: "masked-lm" }, [{ batch: batchOf([4], masked), outputs: tokenOutputs }]);
    expect(result).toMatchObject({ loss: 3, metrics: { loss: 3, perplexity: Math.exp(3) }, predictions: [] });
    expect(result.metrics["accuracy"]).toBeCloseTo(1 / 3, 12);
  });

  test("passes over a batch without masked tokens", () => {
    const batch = batchOf([4], { masked_rows: ids(), masked_labels: ids() });
    expect(evaluate({ name: "masked-lm" }, [{ batch, outputs: {} }])).toMatchObject({ loss: null });
  });

  test("has the accuracy of next sentences", () => {
    const batch = batchOf([2, 2], sentences);
    const result = evaluate({ name: "next-sentence" }, [{ batch, outputs: sentenceOutputs }]);
    expect(result.metrics["accuracy"]).toBe(1);
    expect(result.loss).toBeCloseTo((Math.log(2) + Math.log(4 / 3)) / 2, 12);
  });

  test("adds both losses of pre-training", () => {
    const batch = batchOf([2, 2], { ...masked, ...sentences });
    const result = evaluate({ name: "pretraining" }, [{ batch, outputs: { ...tokenOutputs, ...sentenceOutputs } }]);
    expect(result.loss).toBeCloseTo(3 + (Math.log(2) + Math.log(4 / 3)) / 2, 12);
    expect(result).toMatchObject({ primary: "loss", metrics: { masked_lm_loss: 3, next_sentence_accuracy: 1 } });
  });

  test("rejects outputs with another number of rows than targets", () => {
    const outputs = { ...tokenOutputs, masked_lm_loss: rows([1, 2], 2) };
    const batch = batchOf([4], masked);
    expect(() => evaluate({ name: "masked-lm" }, [{ batch, outputs }])).toThrow(MetricError);
  });
});

describe("isGreaterBetter()", () => {
  test("is false for losses and errors, with any prefix", () => {
    const lower = ["loss", "valid_loss", "masked_lm_loss", "perplexity", "mse", "valid_mae"];
    expect(lower.map(isGreaterBetter)).toEqual(lower.map(() => false));
    expect(["accuracy", "f1_macro", "exact", "mcc", "r2"].every(isGreaterBetter)).toBe(true);
  });
});

describe("isImprovement()", () => {
  test("needs more than the threshold, in the metric's direction", () => {
    expect(isImprovement("loss", { value: 0.9, best: 1 })).toBe(true);
    expect(isImprovement("loss", { value: 0.9, best: 1 }, 0.2)).toBe(false);
    expect(isImprovement("accuracy", { value: 0.9, best: 1 })).toBe(false);
    expect(isImprovement("accuracy", { value: 1, best: 1 })).toBe(false);
  });

  test("takes anything for better than nothing, and nothing for no improvement", () => {
    expect(isImprovement("pearson", { value: -1, best: null })).toBe(true);
    expect(isImprovement("pearson", { value: null, best: null })).toBe(false);
  });
});
