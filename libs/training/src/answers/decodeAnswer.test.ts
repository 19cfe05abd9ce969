/**
 * Expected values: libs/training/fixtures/metrics.json, written by tools/oracles/metrics.py from
 * `postprocess_qa_predictions` of transformers' utils_qa.py (numpy 2.4; seed 0).
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeAnswer, type AnswerWindow, type DecodeAnswerOptions } from "./decodeAnswer.ts";

type Case = {
  readonly name: string;
  readonly options: DecodeAnswerOptions;
  readonly questions: readonly {
    readonly context: string;
    readonly windows: readonly AnswerWindow[];
    readonly prediction: string;
    readonly nullScoreDifference: number | null;
    readonly candidates: readonly { readonly text: string; readonly score: number; readonly probability: number }[];
  }[];
};

const { decoding } = JSON.parse(readFileSync(new URL("../../fixtures/metrics.json", import.meta.url), "utf8")) as {
  decoding: Case[];
};

/** [CLS] one two three [SEP], with no question. */
const context = "one two three";
const offsets = [-1, -1, 0, 3, 4, 7, 8, 13, -1, -1];
const window = (startLogits: number[], endLogits: number[]): AnswerWindow => ({ startLogits, endLogits, offsets });

describe("decodeAnswer()", () => {
  test.each(decoding)("matches utils_qa.py: $name", ({ options, questions }) => {
    for (const question of questions) {
      const decoded = decodeAnswer(question.windows, question.context, options);
      expect(decoded.text).toBe(question.prediction);
      expect(decoded.nullScoreDifference).toBe(question.nullScoreDifference);
      expect(decoded.candidates.map(({ text }) => text)).toEqual(question.candidates.map(({ text }) => text));
      for (const [index, { score, probability }] of question.candidates.entries()) {
        expect(decoded.candidates[index]!.score).toBeCloseTo(score, 5); // float32 there
        expect(decoded.candidates[index]!.probability).toBeCloseTo(probability, 5);
      }
    }
  });

  test("points to the answer in the context", () => {
    const { best } = decodeAnswer([window([0, 0, 5, 0, 0], [0, 0, 0, 4, 0])], context);
    expect(best).toMatchObject({ text: "two three", start: 4, end: 13, startLogit: 5, endLogit: 4, score: 9 });
  });

  test("never ends before it starts, and never leaves the context", () => {
    const { candidates } = decodeAnswer([window([9, 0, 0, 5, 9], [9, 5, 0, 0, 9])], context);
    expect(candidates.map(({ text }) => text).toSorted()).toEqual(
      ["one", "one two", "one two three", "two", "two three", "three"].toSorted(),
    );
  });

  test("prefers no answer only when all windows agree", () => {
    const [sure, unsure] = [window([9, 1, 0, 0, 0], [9, 1, 0, 0, 0]), window([-5, 0, 0, 0, 0], [-5, 0, 0, 0, 0])];
    expect(decodeAnswer([sure], context, { allowNoAnswer: true }).text).toBe("");
    expect(decodeAnswer([sure, unsure], context, { allowNoAnswer: true }).text).toBe("one");
    expect(decodeAnswer([sure], context, { allowNoAnswer: true, nullThreshold: 16 }).text).toBe("one");
  });

  test("has no best answer when no token belongs to the context", () => {
    const nowhere = { startLogits: [1, 2], endLogits: [1, 2], offsets: [-1, -1, -1, -1] };
    expect(decodeAnswer([nowhere], context)).toMatchObject({ text: "empty", best: null });
  });

  test("rejects logits and offsets that do not fit together", () => {
    expect(() => decodeAnswer([{ startLogits: [0], endLogits: [0], offsets }], context)).toThrow(
      "expected as many start logits, end logits and pairs of offsets, got 1, 1, 5",
    );
    expect(() => decodeAnswer([], context)).toThrow("expected at least one window, got none");
  });
});
