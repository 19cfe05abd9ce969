/**
 * @file Where a model is wrong on a set: what was taken for what, and the examples where it was most sure of it.
 *
 * Examples are told by their places in the data file, never by their texts, so that a report holds nothing of what people wrote.
 */
import type { Task, TaskName } from "@stagecoach/transformer";
import type { EncodedExamples } from "../data/encodeExamples.ts";
import type { Layout } from "../data/layouts.ts";
import { squadV2Scores } from "../metrics/answerScores.ts";
import { confusionMatrix } from "../metrics/classificationScores.ts";
import { MAX_CONFUSION_CLASSES } from "../metrics/tasks/classMetrics.ts";
import type { ClassReport, Evaluation, Prediction } from "../metrics/tasks/accumulator.ts";

export type MistakeValue = string | number | readonly string[] | readonly number[];

export type Mistake = {
  /** Of the example's row, among those of its file that can be read; from 0. */
  readonly place: number;
  /** Label or labels, numbers, tags, answers; of multiple choice the number of the choice. */
  readonly expected: MistakeValue;
  readonly predicted: MistakeValue;
  /**
   * How wrong it is: the probability of the label or choice that was predicted, the number of wrong labels or tags, the sum of absolute
   * errors, or how much of an answer's F1 is missing (from 0 to 1).
   */
  readonly score: number;
};

export type EvaluationReport = {
  readonly task: TaskName;
  readonly split: "validation" | "test";
  /** Of the checkpoint that was evaluated. */
  readonly step: number;
  readonly labels: readonly string[];
  /** `[C, C]`: examples (of token classification: tokens) by target (row) and prediction; null where there are no classes, or more than 100. */
  readonly confusion: readonly (readonly number[])[] | null;
  readonly classes: readonly ClassReport[] | null;
  readonly metrics: Evaluation["metrics"];
  /** The most wrong first, at most 50. */
  readonly mistakes: readonly Mistake[];
  /** All of them. */
  readonly numMistakes: number;
  /** Columns of the data file by role. */
  readonly columns: Layout["columns"];
};

export type EvaluatedSetFacts = Pick<EvaluationReport, "split" | "step" | "labels"> & {
  readonly task: Task;
  readonly encoded: Pick<EncodedExamples, "store" | "rows" | "places" | "report">;
  /** Numbers of those that were evaluated. */
  readonly examples: Int32Array;
};

const MAX_MISTAKES = 50;

/** Tasks whose mistakes are mistakes about one row of the data. */
const reported: readonly TaskName[] = [
  "sequence-classification",
  "token-classification",
  "question-answering",
  "multiple-choice",
];

export function hasEvaluationReport(task: TaskName): boolean {
  return reported.includes(task);
}

/** @returns null for a task that has no such mistakes */
export function evaluationReport(evaluation: Evaluation, facts: EvaluatedSetFacts): EvaluationReport | null {
  const { task, split, step, labels, encoded } = facts;
  if (!hasEvaluationReport(task.name)) return null;
  const { metrics, classes = null, predictions } = evaluation;
  const placeOf = placesOf(facts);
  const mistakes = predictions.flatMap((prediction) => {
    const found = mistakeOf(prediction, labels);
    return found === null ? [] : [{ place: placeOf(prediction), ...found }];
  });
  const worst = mistakes.toSorted((a, b) => b.score - a.score || a.place - b.place).slice(0, MAX_MISTAKES);
  return {
    task: task.name,
    split,
    step,
    labels,
    confusion: evaluation.confusion ?? confusionOfTags(predictions, labels),
    classes,
    metrics,
    mistakes: worst,
    numMistakes: mistakes.length,
    columns: encoded.report.columns,
  };
}

function mistakeOf(prediction: Prediction, labels: readonly string[]): Omit<Mistake, "place"> | null {
  switch (prediction.kind) {
    case "label": {
      const { target, predicted, probability } = prediction;
      const named = (label: number): string | number => labels[label] ?? label;
      return target === predicted ? null : { expected: named(target), predicted: named(predicted), score: probability };
    }
    case "labels": {
      const { target, predicted } = prediction;
      const numWrong = without(target, predicted) + without(predicted, target);
      const named = (numbers: readonly number[]) => numbers.map((label) => labels[label]!);
      return numWrong === 0 ? null : { expected: named(target), predicted: named(predicted), score: numWrong };
    }
    case "values": {
      const { target, predicted } = prediction;
      const error = target.reduce((sum, value, place) => sum + Math.abs(value - predicted[place]!), 0);
      const value = (numbers: readonly number[]) => (numbers.length === 1 ? numbers[0]! : numbers);
      return error === 0 ? null : { expected: value(target), predicted: value(predicted), score: error };
    }
    case "tags": {
      const { target, predicted } = prediction;
      const numWrong = target.filter((tag, token) => tag !== predicted[token]).length;
      return numWrong === 0 ? null : { expected: target, predicted, score: numWrong };
    }
    case "answer":
      break;
  }
  const { target, predicted } = prediction;
  const { exact, f1 } = squadV2Scores([{ prediction: predicted, answers: target }])!;
  return exact === 100 ? null : { expected: target, predicted, score: 1 - f1 / 100 };
}

/** How many of the first are none of the second. */
function without(some: readonly number[], others: readonly number[]): number {
  return some.filter((each) => !others.includes(each)).length;
}

function placesOf({ encoded, examples }: EvaluatedSetFacts): (prediction: Prediction) => number {
  const { store, rows, places } = encoded;
  // Questions are numbered in the order in which their windows are met (answerData.ts).
  let firstWindows: number[] | undefined;
  const windowOf = (question: number) => {
    firstWindows ??= [...new Map(Array.from(examples, (window) => [store.get(window).target[2]!, window])).values()];
    return firstWindows[question]!;
  };
  return (prediction) =>
    places.at(rows.at(prediction.kind === "answer" ? windowOf(prediction.question) : prediction.example));
}

function confusionOfTags(predictions: readonly Prediction[], labels: readonly string[]): number[][] | null {
  const texts = predictions.flatMap((prediction) => (prediction.kind === "tags" ? [prediction] : []));
  if (texts.length === 0 || labels.length > MAX_CONFUSION_CLASSES) return null;
  const numbers = new Map(labels.map((label, number) => [label, number]));
  const numbersOf = (tags: readonly string[]) => tags.map((tag) => numbers.get(tag)!);
  return confusionMatrix(
    texts.flatMap(({ target }) => numbersOf(target)),
    texts.flatMap(({ predicted }) => numbersOf(predicted)),
    labels.length,
  );
}
