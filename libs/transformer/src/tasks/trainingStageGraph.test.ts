import { graphOf, nameOf } from "@stagecoach/graph";
import { describe, expect, test } from "vitest";
import { readEncoderModel } from "../encoderModel.ts";
import { BatchError } from "../errors.ts";
import { hasHeadDropout, rateOfSite } from "./dropoutSites.ts";
import type { Target, Task } from "./task.ts";
import type { TaskModel } from "./taskModel.ts";
import { trainingStageGraph } from "./trainingStageGraph.ts";
import { trainingStageInputs } from "./trainingStageInputs.ts";

const sizes = { vocab_size: 11, max_position_embeddings: 8 };
const bertSizes = { hidden_size: 4, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 6 };
const configs = {
  bert: { model_type: "bert", ...sizes, ...bertSizes },
  roberta: { model_type: "roberta", ...sizes, ...bertSizes, pad_token_id: 1 },
  distilbert: { model_type: "distilbert", ...sizes, dim: 4, n_layers: 2, n_heads: 2, hidden_dim: 6 },
};
const rates = { hidden: 0.1, attention: 0.2, classifier: 0.3 };
const classes: Task = { name: "sequence-classification", problemType: "single_label_classification", numLabels: 3 };

async function taskModel(task: Task, config: keyof typeof configs = "bert"): Promise<TaskModel> {
  const model = await readEncoderModel((path) => Promise.resolve(path === "config.json" ? configs[config] : undefined));
  return { ...model, task };
}

const whole = { start: 0, end: 2 };

function inputsOf(model: TaskModel, dropout: typeof rates | null, layers = whole) {
  const { outputs } = trainingStageGraph(model, layers, { dropout });
  return graphOf(new Map(Object.entries(outputs).map(([name, tensor]) => [`output ${name}`, tensor]))).inputs;
}

const sitesOf = (model: TaskModel, dropout: typeof rates, layers = whole) =>
  inputsOf(model, dropout, layers)
    .filter((node) => nameOf(node).startsWith("dropout."))
    .map((node) => [nameOf(node).slice("dropout.".length), node.shape.join()]);

describe("trainingStageGraph()", () => {
  test("drops at BERT's five places", async () => {
    expect(sitesOf(await taskModel(classes), rates, { start: 0, end: 2 })).toEqual([
      ["embeddings", "T,4"],
      ["layer.0.attention_probs", "B,2,L,L"],
      ["layer.0.attention_output", "T,4"],
      ["layer.0.output", "T,4"],
      ["layer.1.attention_probs", "B,2,L,L"],
      ["layer.1.attention_output", "T,4"],
      ["layer.1.output", "T,4"],
      ["classifier", "B,4"],
    ]);
  });

  test("stages after the first have their layers' sites under global numbers", async () => {
    expect(sitesOf(await taskModel(classes), rates, { start: 1, end: 2 }).map(([name]) => name)).toEqual([
      "layer.1.attention_probs",
      "layer.1.attention_output",
      "layer.1.output",
      "classifier",
    ]);
  });

  test("other families drop where transformers drops", async () => {
    const roberta = sitesOf(await taskModel(classes, "roberta"), rates).map(([name]) => name);
    expect(roberta.slice(-2)).toEqual(["classifier", "classifier_output"]);
    const distilBert = sitesOf(await taskModel({ name: "question-answering" }, "distilbert"), rates);
    expect(distilBert.map(([name]) => name)).not.toContain("layer.0.attention_output");
    expect(distilBert.at(-1)).toEqual(["classifier", "T,4"]);
    const span = sitesOf(await taskModel({ name: "question-answering" }), rates);
    expect(span.map(([name]) => name)).not.toContain("classifier");
  });

  const tasks: readonly Task[] = [
    classes,
    { name: "token-classification", numLabels: 3 },
    { name: "question-answering" },
    { name: "multiple-choice", numChoices: 2 },
    { name: "masked-lm" },
    { name: "next-sentence" },
    { name: "pretraining" },
  ];
  const families = (name: Task["name"]) =>
    name === "next-sentence" || name === "pretraining"
      ? (["bert"] as const)
      : (["bert", "roberta", "distilbert"] as const);
  const heads = tasks.flatMap((task) => families(task.name).map((config) => ({ config, task })));

  test.each(heads)("hasHeadDropout() says whether the head drops: $config, $task.name", async ({ config, task }) => {
    const model = await taskModel(task, config);
    const sites = sitesOf(model, rates).map(([name]) => String(name));
    expect(sites.some((name) => name.startsWith("classifier"))).toBe(hasHeadDropout(model));
  });

  test("a rate of 0 and no rates leave the sites out", async () => {
    const model = await taskModel(classes);
    expect(sitesOf(model, { hidden: 0, attention: 0, classifier: 0.5 })).toEqual([["classifier", "B,4"]]);
    expect(inputsOf(model, null).filter((node) => nameOf(node).startsWith("dropout."))).toEqual([]);
  });

  test("the rate of a site follows from its name", () => {
    expect(rateOfSite(rates, "dropout.layer.3.attention_probs")).toBe(0.2);
    expect(rateOfSite(rates, "dropout.layer.3.attention_output")).toBe(0.1);
    expect(rateOfSite(rates, "dropout.classifier_output")).toBe(0.3);
    expect(rateOfSite(rates, "scale.labels")).toBeNull();
  });

  test("a task with two losses gives both, and stages before the last give hidden rows", async () => {
    const model = await taskModel({ name: "pretraining" });
    const last = trainingStageGraph(model, { start: 1, end: 2 }, { dropout: null });
    expect(Object.keys(last.outputs)).toEqual([
      "loss",
      "loss.masked_lm",
      "loss.next_sentence",
      "masked_lm_loss",
      "masked_lm_correct",
      "next_sentence_logits",
    ]);
    expect(last.hidden?.shape).toEqual(["T", 4]);
    const first = trainingStageGraph(model, { start: 0, end: 1 }, { dropout: null });
    expect(Object.keys(first.outputs)).toEqual(["hidden"]);
    expect(first.hidden).toBeNull();
    expect([...first.parameters, ...last.parameters].map(nameOf)).toEqual(
      trainingStageGraph(model, whole, { dropout: null }).parameters.map(nameOf),
    );
  });
});

describe("trainingStageInputs()", () => {
  const int32 = (...values: number[]): Target => ({
    dtype: "int32",
    shape: [values.length],
    data: Int32Array.from(values),
  });
  const batch = (targets: Record<string, Target>) => ({
    inputIds: Int32Array.of(3, 4, 5),
    tokenTypeIds: new Int32Array(3),
    lengths: Int32Array.of(2, 1),
    targets,
  });

  test("gives tokens, packing and targets, and leaves scales to the caller", async () => {
    const model = await taskModel(classes);
    const inputs = inputsOf(model, null);
    const given = trainingStageInputs(model, inputs, batch({ labels: int32(2, 0) }));
    expect(inputs.map(nameOf).filter((name) => !(name in given))).toEqual(["scale.labels"]);
    expect(given["labels"]?.data).toEqual(Int32Array.of(2, 0));
  });

  test("gives hidden rows to later stages", async () => {
    const model = await taskModel(classes);
    const hidden = Float32Array.from({ length: 12 }, (_, index) => index);
    const arrived = { hidden, lengths: Int32Array.of(2, 1), targets: { labels: int32(2, 0) } };
    const given = trainingStageInputs(model, inputsOf(model, null, { start: 1, end: 2 }), arrived);
    expect(given["hidden"]).toEqual({ dtype: "float32", shape: [3, 4], data: hidden });
  });

  test.each<{ what: string; task: Task; targets: Record<string, Target>; message: RegExp }>([
    {
      what: "a missing target",
      task: classes,
      targets: { label: int32(0, 0) },
      message: /target "labels": expected it in the batch, got label/,
    },
    {
      what: "a class beyond the last",
      task: classes,
      targets: { labels: int32(0, 3) },
      message: /values from 0 to 2, got 3 at 1/,
    },
    {
      what: "another number of labels than texts",
      task: classes,
      targets: { labels: int32(0) },
      message: /expected 2 entries on axis 0/,
    },
    {
      what: "floats for classes",
      task: classes,
      targets: { labels: { dtype: "float32", shape: [2], data: Float32Array.of(0, 1) } },
      message: /expected int32 of shape \[B\]/,
    },
    {
      what: "a span outside of its text",
      task: { name: "question-answering" },
      targets: { start_positions: int32(0, 0), end_positions: int32(1, 1) },
      message: /"end_positions": expected values from 0 to 0, got 1 at 1/,
    },
    {
      what: "a masked row that does not exist",
      task: { name: "masked-lm" },
      targets: { masked_rows: int32(3), masked_labels: int32(1) },
      message: /"masked_rows": expected values from 0 to 2, got 3/,
    },
    {
      what: "a NaN to regress to",
      task: { name: "sequence-classification", problemType: "regression", numLabels: 1 },
      targets: { labels: { dtype: "float32", shape: [2, 1], data: Float32Array.of(0, NaN) } },
      message: /got NaN at 1/,
    },
  ])("refuses $what", async ({ task, targets, message }) => {
    const model = await taskModel(task);
    const give = () => trainingStageInputs(model, inputsOf(model, null), batch(targets));
    expect(give).toThrow(BatchError);
    expect(give).toThrow(message);
  });

  test("a label of -100 is accepted, a row of -100 is not", async () => {
    const model = await taskModel({ name: "token-classification", numLabels: 3 });
    const inputs = inputsOf(model, null);
    const give = (targets: Record<string, Target>) => trainingStageInputs(model, inputs, batch(targets));
    expect(give({ label_rows: int32(0), labels: int32(-100) })["labels"]?.data).toEqual(Int32Array.of(-100));
    expect(() => give({ label_rows: int32(-100), labels: int32(0) })).toThrow(/"label_rows"/);
  });
});
