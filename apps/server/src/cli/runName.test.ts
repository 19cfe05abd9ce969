import { describe, expect, test } from "vitest";
import { SettingsError } from "../config/loadSettings.ts";
import { defaultOutput, readTaskFlag } from "./runName.ts";
import { settingsOf } from "./trainFlags.ts";

describe("readTaskFlag()", () => {
  test("a kind is a kind, anything else is a name", () => {
    expect(readTaskFlag("masked-lm")).toEqual({ task: "masked-lm" });
    expect(readTaskFlag("topics")).toEqual({ name: "topics" });
  });

  test("what is like a kind is taken for a slip", () => {
    expect(() => readTaskFlag("sequence-clasification")).toThrow(SettingsError);
    expect(() => readTaskFlag("masked_lm")).toThrow(
      '--task: expected one of sequence-classification, token-classification, question-answering, multiple-choice, masked-lm, next-sentence, pretraining, sentence-embedding, or a name of your own that is like none of them, got "masked_lm" (did you mean "masked-lm"?)',
    );
  });
});

describe("settingsOf()", () => {
  test("a name leaves the kind to the columns", () => {
    const { name, task } = settingsOf({ data: "train.jsonl", task: "topics" });
    expect([name, task]).toEqual(["topics", undefined]);
  });

  test.each(["../topics", ".topics", "topics of mine", "t".repeat(65)])("refuses the name %s", (task) => {
    expect(() => settingsOf({ data: "train.jsonl", task })).toThrow(
      "--task: expected a kind of task, or a name of 1 to 64 letters, digits, dots, dashes and underscores",
    );
  });
});

describe("defaultOutput()", () => {
  test.each<[name: string | undefined, path: string, output: string]>([
    ["topics", "some/train.jsonl", "topics"],
    [undefined, "some/topics.train.jsonl", "topics.train"],
    [undefined, "train.csv.gz", "train"],
    [undefined, "train", "train"],
    [undefined, ".jsonl", ".jsonl"],
  ])("of the name %s and the file %s: %s", (name, path, output) => {
    expect(defaultOutput({ name, data: { path } })).toBe(output);
  });
});
