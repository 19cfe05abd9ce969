import { describe, expect, test } from "vitest";
import { readEncoderModel } from "../encoderModel.ts";
import type { Task } from "./task.ts";
import { architectureOf, readLabels, readTask, taskConfigFields } from "./taskModel.ts";

const bertConfig = {
  model_type: "bert",
  vocab_size: 11,
  hidden_size: 4,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 6,
  max_position_embeddings: 8,
};

async function taskModel(task: Task, fields: object = {}) {
  const model = await readEncoderModel((path) =>
    Promise.resolve(path === "config.json" ? { ...bertConfig, ...fields } : undefined),
  );
  return { ...model, task };
}

const read = (architecture: string, fields: object = {}) =>
  readTask({ ...bertConfig, architectures: [architecture], ...fields });

describe("readTask()", () => {
  test("a base model has no task", () => {
    expect(read("BertModel")).toBeNull();
    expect(readTask(bertConfig)).toBeNull();
  });

  test("without labels a classifier has transformers' two", () => {
    expect(read("BertForTokenClassification")).toEqual({ name: "token-classification", numLabels: 2 });
  });

  test("without problem_type one label means regression, several mean classes", () => {
    expect(read("BertForSequenceClassification", { id2label: { 0: "score" } })).toMatchObject({
      problemType: "regression",
    });
    expect(read("BertForSequenceClassification", { num_labels: 4 })).toEqual({
      name: "sequence-classification",
      problemType: "single_label_classification",
      numLabels: 4,
    });
  });

  test.each([
    ["RobertaForQuestionAnswering", "question-answering"],
    ["XLMRobertaForMultipleChoice", "multiple-choice"],
    ["DistilBertForMaskedLM", "masked-lm"],
    ["BertForNextSentencePrediction", "next-sentence"],
    ["BertForPreTraining", "pretraining"],
  ])("%s is %s", (architecture, name) => {
    expect(read(architecture)?.name).toBe(name);
  });

  test("refuses an unknown problem_type, and labels with a gap", () => {
    expect(() => read("BertForSequenceClassification", { problem_type: "ranking" })).toThrow(
      /"problem_type": expected one of/,
    );
    expect(() => read("BertForTokenClassification", { id2label: { 0: "O", 2: "B" } })).toThrow(/"id2label": "1"/);
  });

  test("refuses a masked-LM decoder that is not the embeddings", () => {
    expect(() => read("BertForMaskedLM", { tie_word_embeddings: false })).toThrow(/tie_word_embeddings/);
  });
});

describe("taskConfigFields()", () => {
  const task: Task = { name: "sequence-classification", problemType: "single_label_classification", numLabels: 2 };

  test("what is written is read back", async () => {
    const model = await taskModel(task);
    const written: unknown = JSON.parse(JSON.stringify({ ...bertConfig, ...taskConfigFields(model, ["no", "yes"]) }));
    expect(readTask(written)).toEqual(task);
    expect(readLabels(written)).toEqual(["no", "yes"]);
  });

  test("fields of the base model's own task are left out", async () => {
    const model = await taskModel({ name: "question-answering" });
    const base = { ...bertConfig, id2label: { 0: "a" }, label2id: { a: 0 }, problem_type: "regression" };
    const written = JSON.parse(JSON.stringify({ ...base, ...taskConfigFields(model) })) as object;
    expect(written).toEqual({ ...bertConfig, architectures: ["BertForQuestionAnswering"] });
  });

  test("refuses another number of labels, and two of one name", async () => {
    const model = await taskModel(task);
    expect(() => taskConfigFields(model, ["a"])).toThrow(/expected 2 names/);
    expect(() => taskConfigFields(model, ["a", "a"])).toThrow(/got "a" twice/);
  });
});

describe("architectureOf()", () => {
  test("names transformers' class by model_type", async () => {
    const model = await taskModel({ name: "token-classification", numLabels: 3 }, { model_type: "xlm-roberta" });
    expect(architectureOf(model)).toBe("XLMRobertaForTokenClassification");
  });

  test("refuses next-sentence prediction outside of BERT", async () => {
    const model = await taskModel({ name: "pretraining" }, { model_type: "roberta" });
    expect(() => architectureOf(model)).toThrow(/only BERT has next-sentence prediction.*choose masked-lm/);
  });
});
