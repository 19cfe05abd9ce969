/**
 * Expected values: libs/training/fixtures/metrics.json, written by tools/oracles/metrics.py (scikit-learn 1.9, SciPy 1.17,
 * seqeval 1.2.2, SQuAD's scripts; seed 0).
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MetricError } from "../errors.ts";
import { bestNullThreshold, squadScores, squadV2Scores, type AnsweredQuestion } from "./answerScores.ts";
import { averageRanks } from "./averageRanks.ts";
import { binaryScores, classificationScores, confusionMatrix } from "./classificationScores.ts";
import type { AveragedScores, Scores } from "./classScores.ts";
import { pearson, spearman } from "./correlation.ts";
import { entityScores, type EntityScheme } from "./entityScores.ts";
import { multiLabelScores } from "./multiLabelScores.ts";
import { normalizeAnswer } from "./normalizeAnswer.ts";
import { perplexity } from "./perplexity.ts";
import { regressionErrors } from "./regressionErrors.ts";
import { rocAuc } from "./rocAuc.ts";

type Named = { readonly name: string };
type Fixture = {
  readonly classification: readonly (Named &
    AveragedScores & {
      readonly targets: number[];
      readonly predictions: number[];
      readonly numClasses: number;
      readonly accuracy: number;
      readonly mcc: number;
      readonly confusion: number[][];
      readonly perClass: readonly (Scores & { readonly support: number })[];
      readonly binary?: Scores;
    })[];
  readonly multiLabel: readonly (Named &
    AveragedScores & {
      readonly targets: number[][];
      readonly predictions: number[][];
      readonly subsetAccuracy: number;
      readonly samples: Scores;
    })[];
  readonly rocAuc: readonly (Named & {
    readonly targets: number[];
    readonly scores: number[];
    readonly rocAuc: number | null;
  })[];
  readonly correlation: readonly (Named & {
    readonly a: number[];
    readonly b: number[];
    readonly ranks: number[];
    readonly pearson: number | null;
    readonly spearman: number | null;
    readonly mse: number;
    readonly mae: number;
    readonly r2: number | null;
  })[];
  readonly entities: readonly (Named &
    AveragedScores & {
      readonly scheme: EntityScheme;
      readonly targets: string[][];
      readonly predictions: string[][];
      readonly accuracy: number;
      readonly perType?: Record<string, Scores>;
    })[];
  readonly squad: {
    readonly normalized: readonly { readonly text: string; readonly normalized: string }[];
    readonly v1: { readonly questions: AnsweredQuestion[]; readonly exact_match: number; readonly f1: number };
    readonly v2: { readonly questions: AnsweredQuestion[]; readonly nullScores: number[] } & Record<string, number>;
  };
};

const fixture = JSON.parse(readFileSync(new URL("../../fixtures/metrics.json", import.meta.url), "utf8")) as Fixture;

/** Matches the same numbers to 12 digits: sums are taken in another order. */
function nearly(expected: unknown): unknown {
  if (typeof expected === "number") return expect.closeTo(expected, 12);
  if (Array.isArray(expected)) return expected.map(nearly);
  if (expected === null || typeof expected !== "object") return expected;
  return Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, nearly(value)]));
}

/** `actual` may have more fields than `expected`. */
function expectClose(actual: unknown, expected: unknown): void {
  expect({ value: actual }).toMatchObject({ value: nearly(expected) });
}

describe("classificationScores()", () => {
  test.each(fixture.classification)("matches scikit-learn: $name", ({ name: _, ...expected }) => {
    const { targets, predictions, numClasses } = expected;
    const scores = classificationScores(targets, predictions, numClasses);
    const { accuracy, mcc, macro, micro, weighted, perClass } = expected;
    expectClose(scores, { accuracy, mcc, macro, micro, weighted, perClass });
    expect(confusionMatrix(targets, predictions, numClasses)).toEqual(expected.confusion);
    if (expected.binary !== undefined) expectClose(binaryScores(targets, predictions), expected.binary);
  });

  test("has no accuracy when there is nothing to score", () => {
    expect(classificationScores([], [], 3)).toMatchObject({ accuracy: null, mcc: 0, macro: { f1: 0 } });
  });

  test("rejects another number of predictions than of targets", () => {
    expect(() => classificationScores([0, 1], [0])).toThrow(MetricError);
  });
});

describe("multiLabelScores()", () => {
  test.each(fixture.multiLabel)("matches scikit-learn: $name", ({ name: _, targets, predictions, ...expected }) => {
    expectClose(multiLabelScores(targets.flat(), predictions.flat(), targets[0]!.length), expected);
  });
});

describe("rocAuc()", () => {
  test.each(fixture.rocAuc)("matches scikit-learn: $name", ({ targets, scores, rocAuc: expected }) => {
    expectClose(rocAuc(targets, scores), expected);
  });
});

describe("correlation and regression", () => {
  test.each(fixture.correlation)("matches SciPy and scikit-learn: $name", ({ a, b, ...expected }) => {
    expect([...averageRanks(a)]).toEqual(expected.ranks);
    expectClose([pearson(a, b), spearman(a, b)], [expected.pearson, expected.spearman]);
    expectClose(regressionErrors(a, b), { mae: expected.mae, r2: expected.r2 });
    expect(regressionErrors(a, b).mse! / expected.mse - 1 || 0).toBeCloseTo(0, 12);
  });

  test("is not defined for values that are not finite, or for none", () => {
    expect([pearson([1, 2, NaN], [1, 2, 3]), spearman([1, 2, Infinity], [1, 2, 3])]).toEqual([null, null]);
    expect([pearson([], []), spearman([], [])]).toEqual([null, null]);
    expect(regressionErrors([], [])).toEqual({ mse: null, mae: null, r2: null });
    expect(regressionErrors([1, NaN], [1, 2])).toEqual({ mse: null, mae: null, r2: null });
  });
});

describe("entityScores()", () => {
  test.each(fixture.entities)("matches seqeval: $name ($scheme)", ({ targets, predictions, scheme, ...expected }) => {
    const { accuracy, macro, micro, weighted, perType } = JSON.parse(
      JSON.stringify(expected),
      (_, value: unknown) => value ?? 0, // seqeval's mean over no entity types is not a number; ours is 0
    ) as typeof expected;
    const scores = entityScores(targets, predictions, scheme);
    expectClose(scores, { accuracy, macro, micro, weighted, perType: perType ?? {} });
  });

  test("lists types in alphabetical order", () => {
    expect(Object.keys(entityScores([["B-b", "B-a"]], [["B-c", "O"]]).perType)).toEqual(["a", "b", "c"]);
  });

  test("rejects tags of another scheme where IOB2 is asked for", () => {
    expect(() => entityScores([["S-PER"]], [["O"]], "IOB2")).toThrow(
      'expected tags of IOB2 (B-, I- or O), got "S-PER"',
    );
  });
});

describe("normalizeAnswer()", () => {
  test.each(fixture.squad.normalized)("gives what SQuAD's script gives for $text", ({ text, normalized }) => {
    expect(normalizeAnswer(text)).toBe(normalized);
  });
});

describe("squadScores()", () => {
  test("matches SQuAD's script v1.1", () => {
    const { questions, exact_match, f1 } = fixture.squad.v1;
    expectClose(squadScores(questions), { exact: exact_match, f1 });
  });

  test("needs an answer for each question", () => {
    expect(() => squadScores([{ prediction: "", answers: [] }])).toThrow(MetricError);
    expect(squadScores([])).toBeNull();
  });
});

describe("squadV2Scores()", () => {
  const { questions, nullScores, ...expected } = fixture.squad.v2;

  test("matches SQuAD's script v2.0, questions with and without an answer apart", () => {
    expectClose(squadV2Scores(questions), {
      exact: expected["exact"],
      f1: expected["f1"],
      total: expected["total"],
      hasAnswer: { exact: expected["HasAns_exact"], f1: expected["HasAns_f1"], total: expected["HasAns_total"] },
      noAnswer: { exact: expected["NoAns_exact"], f1: expected["NoAns_f1"], total: expected["NoAns_total"] },
    });
  });

  test("finds the best thresholds that the script finds", () => {
    expectClose(
      [bestNullThreshold(questions, nullScores, "exact"), bestNullThreshold(questions, nullScores, "f1")],
      [
        { score: expected["best_exact"], threshold: expected["best_exact_thresh"] },
        { score: expected["best_f1"], threshold: expected["best_f1_thresh"] },
      ],
    );
  });

  test("has no part for questions that are not there", () => {
    expect(squadV2Scores([{ prediction: "", answers: [] }])).toMatchObject({ exact: 100, hasAnswer: null });
    expect(squadV2Scores([])).toBeNull();
  });
});

describe("perplexity()", () => {
  test("is the exponential of the loss, and null where that is not finite", () => {
    expect([perplexity(Math.log(7)), perplexity(800), perplexity(null)]).toEqual([expect.closeTo(7, 12), null, null]);
  });
});

describe("golden metrics", () => {
  const golden = new URL("../../../../../shared/golden/metrics.json", import.meta.url);
  const isThere = existsSync(golden);
  test.skipIf(!isThere)(
    `agree with ../shared/golden/metrics.json${isThere ? "" : " (skipped: there is no ../shared)"}`,
    () => {
      const { classification, regression, seqeval } = JSON.parse(readFileSync(golden, "utf8"));
      const scores = classificationScores(classification.y_true, classification.y_pred);
      expectClose(
        {
          accuracy: scores.accuracy,
          mcc: scores.mcc,
          f1: [scores.macro.f1, scores.micro.f1, scores.weighted.f1],
          macro: [scores.macro.precision, scores.macro.recall],
        },
        {
          accuracy: classification.accuracy,
          mcc: classification.mcc,
          f1: [classification.f1_macro, classification.f1_micro, classification.f1_weighted],
          macro: [classification.precision_macro, classification.recall_macro],
        },
      );
      const { a, b } = regression;
      expectClose(
        [pearson(a, b), spearman(a, b), regressionErrors(a, b).mse],
        [regression.pearson, regression.spearman, regression.mse],
      );
      const { precision, recall, f1 } = seqeval;
      expectClose(entityScores(seqeval.y_true, seqeval.y_pred).micro, { precision, recall, f1 });
    },
  );
});
