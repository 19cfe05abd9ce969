import { describe, expect, test } from "vitest";
import { DataError } from "./dataError.ts";
import { findLayout } from "./layouts.ts";

describe("findLayout()", () => {
  test.each([
    [["text", "label"], "sequence-classification", { text: "text", label: "label" }],
    [
      ["text_pair", "label", "text"],
      "sequence-classification",
      { text: "text", text_pair: "text_pair", label: "label" },
    ],
    [
      ["sentence1", "sentence2", "score"],
      "sequence-classification",
      { text: "sentence1", text_pair: "sentence2", label: "score" },
    ],
    [
      ["premise", "hypothesis", "label"],
      "sequence-classification",
      { text: "premise", text_pair: "hypothesis", label: "label" },
    ],
    [["messages"], "sequence-classification", { messages: "messages" }],
    [["id", "tokens", "ner_tags"], "token-classification", { tokens: "tokens", tags: "ner_tags" }],
    [
      ["id", "context", "question", "answers"],
      "question-answering",
      { context: "context", question: "question", answers: "answers" },
    ],
    [["prompt", "choices", "label"], "multiple-choice", { prompt: "prompt", choices: "choices", label: "label" }],
    [["text"], "masked-lm", { text: "text" }],
  ] as const)("knows %j as %s", (columns, task, expected) => {
    expect(findLayout(columns)).toMatchObject({ task, columns: expected });
  });

  test("names the columns that are not used", () => {
    expect(findLayout(["text", "label", "date", "id"]).ignored).toEqual(["date", "id"]);
  });

  test("does not guess masked-lm for texts with other columns: the label may be called otherwise", () => {
    expect(() => findLayout(["text", "lable"], { file: "a.csv" })).toThrow(
      /^a\.csv: expected columns that tell the task, one of \{text, text_pair, label\}.*got \{text, lable\}/,
    );
    expect(findLayout(["text", "lable"], { task: "masked-lm" })).toMatchObject({ ignored: ["lable"] });
  });

  test("does not choose between two layouts", () => {
    expect(() => findLayout(["text", "label", "score"])).toThrow(/got \{text, label\} and \{text, score\}/);
  });

  test("takes a map of names, also beside a column with the usual name", () => {
    const found = findLayout(["headline", "text", "section"], { map: { text: "headline", label: "section" } });
    expect(found).toMatchObject({ columns: { text: "headline", label: "section" }, ignored: ["text"] });
  });

  test("refuses a map of columns that are not there, or of unknown roles", () => {
    expect(() => findLayout(["a", "b"], { map: { text: "c" } })).toThrow(/a column "c" for text, got the columns a, b/);
    expect(() => findLayout(["a"], { map: { txt: "a" } as never })).toThrow(DataError);
  });

  test("wants the columns of the task that is asked for", () => {
    expect(() => findLayout(["text", "label"], { task: "question-answering" })).toThrow(
      /expected columns for question-answering, one of \{context, question, answers\}; got \{text, label\}/,
    );
  });
});
