import { encodeExamples } from "@stagecoach/training";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { readEncoderModel, taskNames, type TaskModel } from "@stagecoach/transformer";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { frozenParameters } from "./frozenParameters.ts";
import { learningRateMultiplier, resolveHyperparameters } from "./resolveHyperparameters.ts";
import { runTrainingJob } from "./runJob.ts";
import { trainingSettingsSchema } from "./trainingSettings.ts";
import { withClassWeights } from "./classWeights.ts";

const tinyEncoder = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const config = {
  model_type: "bert",
  vocab_size: 20,
  max_position_embeddings: 8,
  hidden_size: 4,
  num_hidden_layers: 12,
  num_attention_heads: 2,
  intermediate_size: 6,
};
async function modelOf(task: TaskModel["task"]): Promise<TaskModel> {
  const model = await readEncoderModel((path) => Promise.resolve(path === "config.json" ? config : undefined));
  return { ...model, task };
}
const classes = { name: "sequence-classification", problemType: "single_label_classification", numLabels: 2 } as const;

describe("frozenParameters()", () => {
  const frozen = async (task: TaskModel["task"], ...beginnings: string[]) => {
    const patterns = frozenParameters(await modelOf(task), beginnings).map((pattern) => new RegExp(pattern));
    return (name: string) => patterns.some((pattern) => pattern.test(name));
  };

  test("a beginning ends at a dot: layer 1 is not layer 10", async () => {
    const isFrozen = await frozen(classes, "encoder.layer.1");
    expect(isFrozen("encoder.layer.1.output.dense.weight")).toBe(true);
    expect(isFrozen("encoder.layer.10.output.dense.weight")).toBe(false);
    expect(isFrozen("encoder.layer.1.output.dense.weights")).toBe(false);
  });

  test("names of the checkpoint are known too", async () => {
    expect((await frozen(classes, "bert.embeddings"))("embeddings.word_embeddings.weight")).toBe(true);
  });

  test("base_model is all but the head: transformers' base_model, though not a pooler that is new", async () => {
    const model = await modelOf(classes);
    const pooler = "^pooler\\.dense\\.weight$";
    expect(frozenParameters(model, ["base_model"])).toContain(pooler);
    const withNewPooler = frozenParameters(model, ["base_model"], {
      missing: ["pooler.dense.weight", "pooler.dense.bias"],
    });
    expect(withNewPooler).toContain("^encoder\\.layer\\.11\\.output\\.dense\\.bias$");
    expect(withNewPooler.filter((pattern) => /pooler|classifier/.test(pattern))).toEqual([]);
  });

  test("a tied decoder stays with the embeddings that it is tied to, and only with them", async () => {
    const decoder = "cls.predictions.decoder.weight";
    expect((await frozen({ name: "masked-lm" }, "embeddings"))(decoder)).toBe(true);
    const isFrozen = await frozen({ name: "masked-lm" }, "cls");
    expect([isFrozen(decoder), isFrozen("cls.predictions.bias")]).toEqual([false, true]);
  });
});

describe("resolveHyperparameters()", () => {
  const facts = { numExamples: 1000, maxLength: 384 };

  test("auto and nothing become the task's defaults", () => {
    const resolved = resolveHyperparameters("question-answering", { n_epochs: "auto", batch_size: "auto" }, facts);
    expect(resolved).toMatchObject({ n_epochs: 2, batch_size: 16, learning_rate: 3e-5, micro_batches: 4 });
    expect(resolved).toMatchObject({ max_length: 384 });
  });

  test("the multiplier is of the task's learning rate, and is gone afterwards", () => {
    const given = { learning_rate_multiplier: 2 };
    const resolved = resolveHyperparameters("sequence-classification", given, facts);
    expect(resolved.learning_rate).toBe(1e-4);
    expect("learning_rate_multiplier" in resolved).toBe(false);
    expect(learningRateMultiplier("sequence-classification", resolved.learning_rate)).toBe(2);
  });

  test.each(taskNames)("the default learning rate of %s has the multiplier 1", (task) => {
    const { learning_rate: rate } = resolveHyperparameters(task, { learning_rate_multiplier: "auto" }, facts);
    expect(learningRateMultiplier(task, rate)).toBe(1);
  });

  test("a batch that nobody has given is not larger than the data", () => {
    const given = { gradient_accumulation_steps: 2 };
    const resolved = resolveHyperparameters("sequence-classification", given, { ...facts, numExamples: 11 });
    expect(resolved).toMatchObject({ batch_size: 5 });
  });

  test("what is given stays, and can be given again", () => {
    const given = { warmup_steps: 7, batch_size: 3, group_by_length: true };
    const resolved = resolveHyperparameters("masked-lm", given, facts);
    expect(resolved).toMatchObject(given);
    expect(resolved.warmup_ratio).toBeUndefined();
    const settings = { data: { path: "x" }, hyperparameters: resolved };
    expect(trainingSettingsSchema.parse(settings).hyperparameters).toEqual(resolved);
  });
});

describe("withClassWeights()", async () => {
  const rows = ["a", "a", "a", "b"].map((label, row) => ({ line: row + 1, values: { text: "red", label } }));
  const source = {
    name: "rows",
    isTyped: true,
    async *read() {
      yield rows;
    },
  };
  const encoded = await encodeExamples(source, { tokenizer: await loadTokenizer(tinyEncoder) });
  const train = { encoded, examples: Int32Array.of(0, 1, 2, 3) };
  const data = { labels: encoded.labels, train };

  test("balanced weights are scikit-learn's", () => {
    // sklearn.utils.class_weight.compute_class_weight("balanced", classes=["a", "b"], y=["a", "a", "a", "b"])
    expect(withClassWeights(classes, "balanced", data)).toMatchObject({ classWeights: [4 / 6, 2] });
  });

  test("classes that are not named have weight 1", () => {
    expect(withClassWeights(classes, { b: 3 }, data)).toMatchObject({ classWeights: [1, 3] });
  });

  test("a task without classes is refused", () => {
    expect(() => withClassWeights({ name: "masked-lm" }, "balanced", data)).toThrow(
      /class weights: expected a task with one label per text, got masked-lm/,
    );
  });
});

describe("runTrainingJob()", () => {
  const scratch = mkdtempSync(join(tmpdir(), "stagecoach-job-"));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test("stopped before it has read the data, it ends so, and leaves a folder that can be used again", async () => {
    const folder = join(scratch, "stopped");
    const data = join(scratch, "data.jsonl");
    writeFileSync(data, '{"text":"the layers","label":"a"}\n'.repeat(9));
    const stopping = new AbortController();
    stopping.abort("pause");
    const settings = trainingSettingsSchema.parse({ model: tinyEncoder, data: { path: data } });
    const openPipeline = () => Promise.reject(new Error("not reached"));
    const result = await runTrainingJob(settings, { folder, openPipeline, signal: stopping.signal });
    expect(result).toEqual({ status: "stopped", kind: "pause", step: null });
    expect(readdirSync(folder)).toEqual(["lock"]);
  });
});
