import { describe, expect, test } from "vitest";
import { readEncoderModel } from "../encoderModel.ts";
import { CheckpointError } from "../errors.ts";
import { graphParameters } from "../graphParameters.ts";
import type { Task } from "./task.ts";
import { checkpointNameOf, resolveTaskCheckpointNames } from "./taskCheckpoint.ts";
import type { TaskModel } from "./taskModel.ts";
import { paddingRows, taskParameters } from "./taskParameters.ts";

const config = {
  model_type: "bert",
  vocab_size: 11,
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 6,
  max_position_embeddings: 8,
};

async function taskModel(task: Task, fields: object = {}): Promise<TaskModel> {
  const model = await readEncoderModel((path) =>
    Promise.resolve(path === "config.json" ? { ...config, ...fields } : undefined),
  );
  return { ...model, task };
}

type Shapes = Record<string, readonly number[]>;
const checkpoint = (shapes: Shapes) => ({ names: () => Object.keys(shapes), shapeOf: (name: string) => shapes[name]! });

/** A checkpoint of the base model alone, and one of the whole task model. */
const baseShapes = (model: TaskModel): Shapes =>
  Object.fromEntries(graphParameters(model).map(({ name, shape }) => [name, shape]));
const savedShapes = (model: TaskModel): Shapes =>
  Object.fromEntries(taskParameters(model).map(({ name, shape }) => [checkpointNameOf(model, name), shape]));

const classes: Task = { name: "sequence-classification", problemType: "single_label_classification", numLabels: 3 };

describe("resolveTaskCheckpointNames()", () => {
  test("a base checkpoint lacks the head, which begins as transformers' does", async () => {
    const model = await taskModel(classes);
    const { names, missing } = resolveTaskCheckpointNames(model, checkpoint(baseShapes(model)));
    expect(missing.map(({ name, shape, initialization }) => [name, shape, initialization])).toEqual([
      ["pooler.dense.weight", [4, 4], "normal"],
      ["pooler.dense.bias", [4], "zeros"],
      ["classifier.weight", [3, 4], "normal"],
      ["classifier.bias", [3], "zeros"],
    ]);
    expect(names.get("encoder.layer.0.output.dense.weight")).toBe("encoder.layer.0.output.dense.weight");
  });

  test("a pooler that the base checkpoint has is used", async () => {
    const model = await taskModel(classes);
    const shapes = { ...baseShapes(model), "pooler.dense.weight": [4, 4], "pooler.dense.bias": [4] };
    const { missing } = resolveTaskCheckpointNames(model, checkpoint(shapes));
    expect(missing.map(({ name }) => name)).toEqual(["classifier.weight", "classifier.bias"]);
  });

  test("a task model's own checkpoint is complete; the decoder is the word embeddings", async () => {
    const model = await taskModel({ name: "pretraining" });
    const { names, missing } = resolveTaskCheckpointNames(model, checkpoint(savedShapes(model)));
    expect(missing).toEqual([]);
    expect(names.get("cls.predictions.decoder.weight")).toBe("bert.embeddings.word_embeddings.weight");
    expect(names.get("pooler.dense.weight")).toBe("bert.pooler.dense.weight");
  });

  test("legacy names of norms are found in the head too", async () => {
    const model = await taskModel({ name: "masked-lm" });
    const legacy = Object.fromEntries(
      Object.entries(savedShapes(model)).map(([name, shape]) => [
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
        shape,
      ]),
    );
    const { names, missing } = resolveTaskCheckpointNames(model, checkpoint(legacy));
    expect(missing).toEqual([]);
    expect(names.get("cls.predictions.transform.LayerNorm.weight")).toBe("cls.predictions.transform.LayerNorm.gamma");
  });

  test("a head of another size is refused with what to do, or replaced when asked", async () => {
    const model = await taskModel(classes);
    const shapes = { ...savedShapes(model), "classifier.weight": [5, 4], "classifier.bias": [5] };
    expect(() => resolveTaskCheckpointNames(model, checkpoint(shapes))).toThrow(
      /head has another size than the task sequence-classification with 3 labels: classifier.weight: expected \[3, 4\], got \[5, 4\].*ask for a new head with replace_head/,
    );
    const { missing } = resolveTaskCheckpointNames(model, checkpoint(shapes), { replaceHead: true });
    expect(missing.map(({ name }) => name)).toEqual(["classifier.weight", "classifier.bias"]);
  });

  test("missing and misshapen weights of the base model are refused by name", async () => {
    const model = await taskModel(classes);
    const { "encoder.layer.0.output.dense.weight": removed, ...rest } = baseShapes(model);
    expect(removed).toEqual([4, 6]);
    expect(() => resolveTaskCheckpointNames(model, checkpoint(rest))).toThrow(
      new CheckpointError(
        "model.safetensors: lacks weights that the model needs: encoder.layer.0.output.dense.weight (is it a complete checkpoint of this architecture?)",
        ["encoder.layer.0.output.dense.weight"],
      ),
    );
    const misshapen = { ...rest, "encoder.layer.0.output.dense.weight": [4, 7] };
    expect(() => resolveTaskCheckpointNames(model, checkpoint(misshapen))).toThrow(/expected \[4, 6\], got \[4, 7\]/);
  });

  test("weights of other heads are passed over, weights that nobody knows are not", async () => {
    const model = await taskModel({ name: "question-answering" });
    const pretrained = { ...savedShapes(await taskModel({ name: "pretraining" })) };
    const { missing } = resolveTaskCheckpointNames(model, checkpoint(pretrained));
    expect(missing.map(({ name }) => name)).toEqual(["qa_outputs.weight", "qa_outputs.bias"]);
    expect(() => resolveTaskCheckpointNames(model, checkpoint({ ...pretrained, "bert.adapter.weight": [1] }))).toThrow(
      /does not know: bert.adapter.weight/,
    );
  });
});

describe("paddingRows()", () => {
  test("are the padding token's, and for fairseq's positions its position's", async () => {
    expect(paddingRows(await taskModel(classes))).toEqual({ "embeddings.word_embeddings.weight": 0 });
    expect(paddingRows(await taskModel(classes, { model_type: "roberta", pad_token_id: 1 }))).toEqual({
      "embeddings.word_embeddings.weight": 1,
      "embeddings.position_embeddings.weight": 1,
    });
  });
});
