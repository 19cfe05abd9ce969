import { readEncoderConfig, type TaskModel } from "@stagecoach/transformer";
import { describe, expect, test } from "vitest";
import { TrainingError } from "../loop/trainingError.ts";
import { addGradients, expectStages, sharedWeightOf } from "./sharedWeights.ts";

const common = {
  vocab_size: 61,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 32,
};
const modules = { pooling: ["mean"], transforms: [], maxLength: 30, dimensions: 8 } as unknown as TaskModel["modules"];
const modelOf = (modelType: string, task: TaskModel["task"]): TaskModel => ({
  ...readEncoderConfig({ ...common, model_type: modelType }),
  modules,
  task,
});

describe("sharedWeightOf()", () => {
  test("masked-LM shares the word embeddings, classification shares nothing", () => {
    expect(sharedWeightOf(modelOf("bert", { name: "masked-lm" }))).toEqual({
      owner: "embeddings.word_embeddings.weight",
      copy: "cls.predictions.decoder.weight",
    });
    expect(sharedWeightOf(modelOf("bert", { name: "question-answering" }))).toBeNull();
  });
});

describe("expectStages()", () => {
  test("MPNet trains in one stage, BERT in any number", () => {
    const mpnet = modelOf("mpnet", { name: "question-answering" });
    expect(() => expectStages(mpnet, 1)).not.toThrow();
    expect(() => expectStages(mpnet, 2)).toThrow(TrainingError);
    expect(() => expectStages(modelOf("bert", { name: "question-answering" }), 2)).not.toThrow();
  });
});

describe("addGradients()", () => {
  test("adds in float32 and leaves its arguments as they are", () => {
    const of = (...values: number[]) => ({ dtype: "float32", shape: [2], data: Float32Array.from(values) }) as const;
    const [owner, copy] = [of(1, 2 ** 24), of(0.5, 1)];
    expect([...addGradients(owner, copy).data]).toEqual([1.5, 2 ** 24]);
    expect([...owner.data, ...copy.data]).toEqual([1, 2 ** 24, 0.5, 1]);
  });
});
