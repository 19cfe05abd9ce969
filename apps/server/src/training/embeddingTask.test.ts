import type { EncoderModel, SentenceEmbeddingTask } from "@stagecoach/transformer";
import { describe, expect, test } from "vitest";
import { scheduleFor, withEmbeddingLoss } from "./embeddingTask.ts";

const modules = { dimensions: 32, transforms: ["normalize"], isDeclared: true } as unknown as EncoderModel["modules"];
const model = { modules, teaching: null };
const ranked: SentenceEmbeddingTask = {
  name: "sentence-embedding",
  loss: { name: "in-batch-negatives", similarity: "cosine", scale: 20 },
  numTexts: 2,
};
const scored: SentenceEmbeddingTask = { ...ranked, loss: { name: "cosine-similarity" } };

describe("withEmbeddingLoss()", () => {
  test("dot products have no scale unless one is given", () => {
    const loss = (given: object) => (withEmbeddingLoss(ranked, given, model) as SentenceEmbeddingTask).loss;
    expect(loss({})).toEqual(ranked.loss);
    expect(loss({ similarity: "dot" })).toEqual({ name: "in-batch-negatives", similarity: "dot", scale: 1 });
    expect(loss({ similarity: "dot", similarity_scale: 3 })).toMatchObject({ scale: 3 });
  });

  test("sizes are told largest first, each once", () => {
    const task = withEmbeddingLoss(scored, { matryoshka_dimensions: [8, 32, 8] }, model);
    expect(task).toMatchObject({ dimensions: [32, 8] });
  });

  test.each([
    [ranked, { matryoshka_dimensions: [64, 32] }, /matryoshka dimensions: expected at most 32.*got 64/],
    [scored, { similarity: "dot" as const }, /similarity: it says nothing without in-batch negatives/],
    [scored, { similarity_scale: 5 }, /similarity scale: it says nothing/],
  ])("what can't be done is refused: %j %j", (task, given, message) => {
    expect(() => withEmbeddingLoss(task, given, model)).toThrow(message);
  });

  test("a model with dense layers after its pooling is refused", () => {
    const dense = { path: "2_Dense" };
    const other = { ...model, modules: { ...modules, transforms: [dense] } as unknown as EncoderModel["modules"] };
    expect(() => withEmbeddingLoss(ranked, {}, other)).toThrow(/without dense layers.*"2_Dense"/);
  });
});

describe("a teacher", () => {
  const teacher = { name: "similarities", dimensions: 64, weight: 2 } as const;
  const alone: SentenceEmbeddingTask = { ...ranked, loss: { name: "none" }, numTexts: 1 };

  test("comes with the task, and texts without pairs need one", () => {
    const teaching = { loss: teacher, hasUnitLength: true };
    expect(withEmbeddingLoss(ranked, {}, { modules, teaching })).toMatchObject({ teacher, loss: ranked.loss });
    expect(withEmbeddingLoss(alone, {}, { modules, teaching })).toEqual({ ...alone, teacher });
    expect(() => withEmbeddingLoss(alone, {}, model)).toThrow(
      /teacher: expected one for texts without pairs, got none/,
    );
  });

  test("whose vectors have unit length gives it to a student without modules, and to no other", () => {
    const addsNormalize = (isDeclared: boolean, hasUnitLength: boolean) => {
      const teaching = { loss: teacher, hasUnitLength };
      const task = withEmbeddingLoss(alone, {}, { modules: { ...modules, isDeclared }, teaching });
      return (task as SentenceEmbeddingTask).addsNormalize ?? false;
    };
    expect(addsNormalize(false, true)).toBe(true);
    expect([addsNormalize(true, true), addsNormalize(false, false)]).toEqual([false, false]);
  });

  test("of similarities takes gpipe, of vectors any schedule", () => {
    expect(scheduleFor({ ...alone, teacher }, undefined)).toBe("gpipe");
    expect(scheduleFor({ ...alone, teacher: { ...teacher, name: "vectors" } }, undefined)).toBe("1f1b");
  });
});

describe("scheduleFor()", () => {
  test("in-batch negatives take gpipe, and no other", () => {
    expect(scheduleFor(ranked, undefined)).toBe("gpipe");
    expect(scheduleFor(ranked, "gpipe")).toBe("gpipe");
    expect(() => scheduleFor(ranked, "1f1b")).toThrow(/schedule: expected gpipe.*got 1f1b/);
  });

  test("other tasks take any, and 1f1b by default", () => {
    expect(scheduleFor(scored, undefined)).toBe("1f1b");
    expect(scheduleFor({ name: "masked-lm" }, "eager-1f1b")).toBe("eager-1f1b");
  });
});
