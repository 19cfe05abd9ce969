import type { Task } from "@stagecoach/transformer";
import { describe, expect, test } from "vitest";
import { ExampleStore } from "../data/exampleStore.ts";
import { RowNumbers } from "../data/rowNumbers.ts";
import type { Evaluation, Prediction } from "../metrics/tasks/accumulator.ts";
import { evaluationReport, type EvaluatedSetFacts } from "./evaluationReport.ts";

const single: Task = { name: "sequence-classification", problemType: "single_label_classification", numLabels: 3 };

type Facts = Partial<Pick<EvaluatedSetFacts, "labels" | "examples">> & {
  readonly confusion?: number[][];
  /** Places of rows, where some were left out. */
  readonly places?: readonly number[];
  /** Of examples that are several of a row. */
  readonly rows?: readonly number[];
  readonly targets?: readonly Int32Array[];
};

function reportOf(task: Task, predictions: readonly Prediction[], facts: Facts = {}) {
  const {
    labels = [],
    examples = new Int32Array(0),
    confusion,
    places: given = [],
    rows: ofExamples = [],
    targets = [],
  } = facts;
  const [rows, places, store] = [new RowNumbers(), new RowNumbers(), new ExampleStore()];
  const numRows = Math.max(given.length, 100);
  for (let row = 0; row < numRows; row++) {
    rows.push(ofExamples[row] ?? row);
    places.push(given[row] ?? row);
  }
  for (const target of targets) store.add({ ids: Int32Array.of(1), firstSegment: 1, target });
  const evaluation: Evaluation = {
    loss: 1,
    primary: "loss",
    metrics: { loss: 1 },
    predictions,
    ...(confusion && { confusion }),
  };
  const report = { columns: { text: "headline" } } as unknown as EvaluatedSetFacts["encoded"]["report"];
  return evaluationReport(evaluation, {
    task,
    split: "validation",
    step: 7,
    labels,
    examples,
    encoded: { store, rows, places, report },
  });
}

const label = (
  ...[example, target, predicted, probability]: [
    example: number,
    target: number,
    predicted: number,
    probability: number,
  ]
): Prediction => ({ kind: "label", example, target, predicted, probability });

describe("evaluationReport()", () => {
  test("tells the most certain mistakes first, by the places of their rows", () => {
    const predictions = [label(0, 0, 0, 0.9), label(1, 1, 2, 0.6), label(2, 2, 1, 0.95), label(3, 0, 1, 0.6)];
    const found = reportOf(single, predictions, { labels: ["a", "b", "c"], places: [0, 1, 5, 6], confusion: [[1]] });
    expect(found).toEqual({
      task: "sequence-classification",
      split: "validation",
      step: 7,
      labels: ["a", "b", "c"],
      confusion: [[1]],
      classes: null,
      metrics: { loss: 1 },
      mistakes: [
        { place: 5, expected: "c", predicted: "b", score: 0.95 },
        { place: 1, expected: "b", predicted: "c", score: 0.6 },
        { place: 6, expected: "a", predicted: "b", score: 0.6 },
      ],
      numMistakes: 3,
      columns: { text: "headline" },
    });
  });

  test("tells fifty mistakes at most, and how many there are", () => {
    const predictions = Array.from({ length: 80 }, (_, example) => label(example, 0, 1, (example + 1) / 100));
    const { mistakes, numMistakes } = reportOf(single, predictions, { labels: ["a", "b", "c"] })!;
    expect(mistakes.map(({ place }) => place)).toEqual(Array.from({ length: 50 }, (_, rank) => 79 - rank));
    expect(numMistakes).toBe(80);
  });

  test("counts wrong labels, wrong tags and errors of numbers", () => {
    const several = { ...single, problemType: "multi_label_classification" as const };
    const sets: Prediction[] = [
      { kind: "labels", example: 0, target: [0, 1], predicted: [1, 0] },
      { kind: "labels", example: 1, target: [0, 1], predicted: [1, 2] },
      { kind: "labels", example: 2, target: [], predicted: [2] },
    ];
    expect(reportOf(several, sets, { labels: ["a", "b", "c"] })!.mistakes).toEqual([
      { place: 1, expected: ["a", "b"], predicted: ["b", "c"], score: 2 },
      { place: 2, expected: [], predicted: ["c"], score: 1 },
    ]);
    const numbers: Prediction[] = [
      { kind: "values", example: 0, target: [1], predicted: [1.5] },
      { kind: "values", example: 1, target: [2], predicted: [-1] },
    ];
    expect(reportOf({ ...single, problemType: "regression", numLabels: 1 }, numbers)).toMatchObject({
      confusion: null,
      mistakes: [
        { place: 1, expected: 2, predicted: -1, score: 3 },
        { place: 0, expected: 1, predicted: 1.5, score: 0.5 },
      ],
    });
  });

  test("of tags has the confusion of scikit-learn", () => {
    const tags = ["B-CAR", "I-CAR", "O"];
    const predictions: Prediction[] = [
      { kind: "tags", example: 0, target: ["O", "B-CAR", "I-CAR"], predicted: ["O", "B-CAR", "O"] },
      { kind: "tags", example: 1, target: ["O", "B-CAR", "O"], predicted: ["O", "I-CAR", "O"] },
    ];
    // sklearn 1.9.1, confusion_matrix(["O", "B-CAR", "I-CAR", "O", "B-CAR", "O"], ["O", "B-CAR", "O", "O", "I-CAR", "O"], labels=tags)
    expect(reportOf({ name: "token-classification", numLabels: 3 }, predictions, { labels: tags })!.confusion).toEqual([
      [1, 1, 0],
      [0, 0, 1],
      [0, 0, 3],
    ]);
  });

  test("of answers counts what of their F1 is missing, by the row of the question's windows", () => {
    // [first token, last token, question, ...]: two windows of question 4, one of question 2.
    const targets = [4, 4, 2].map((question) => Int32Array.of(0, 0, question));
    const answer = { kind: "answer", nullScoreDifference: null } as const;
    const predictions: Prediction[] = [
      { ...answer, question: 0, target: ["the red car"], predicted: "a red bus" },
      { ...answer, question: 1, target: ["car"], predicted: "the car" },
    ];
    const examples = Int32Array.of(0, 1, 2);
    const { mistakes } = reportOf({ name: "question-answering" }, predictions, {
      targets,
      examples,
      rows: [0, 0, 1],
      places: [30],
    })!;
    // One word of two is common: precision, recall and F1 are a half.
    expect(mistakes).toEqual([{ place: 30, expected: ["the red car"], predicted: "a red bus", score: 0.5 }]);
  });

  test.each(["masked-lm", "pretraining", "next-sentence"] as const)("of %s there is none", (name) => {
    expect(reportOf({ name }, [])).toBeNull();
  });
});
