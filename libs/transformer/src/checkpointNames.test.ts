/** @file Checkpoints of served models: every weight found under the names that there are, and none passed over. */
import { describe, expect, test } from "vitest";
import { resolveCheckpointNames } from "./checkpointNames.ts";
import { expectDenseWeights } from "./denseWeights.ts";
import { readEncoderModel, type EncoderModel } from "./encoderModel.ts";
import { CheckpointError } from "./errors.ts";
import { graphParameters } from "./graphParameters.ts";

type Shapes = Readonly<Record<string, readonly number[]>>;

const sizes = { vocab_size: 11, max_position_embeddings: 8 };
const bertSizes = { hidden_size: 4, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 6 };
const configs = {
  bert: { model_type: "bert", ...sizes, ...bertSizes },
  roberta: { model_type: "roberta", ...sizes, ...bertSizes },
  distilbert: { model_type: "distilbert", ...sizes, dim: 4, n_layers: 2, n_heads: 2, hidden_dim: 6 },
  mpnet: { model_type: "mpnet", ...sizes, ...bertSizes },
} as const;
const families = Object.keys(configs) as (keyof typeof configs)[];

const modelOf = (name: keyof typeof configs): Promise<EncoderModel> =>
  readEncoderModel((path) => Promise.resolve(path === "config.json" ? configs[name] : undefined));

const shapesOf = (model: EncoderModel): Shapes =>
  Object.fromEntries(graphParameters(model).map(({ name, shape }) => [name, shape]));

const checkpoint = (shapes: Shapes) => ({ names: () => Object.keys(shapes), shapeOf: (name: string) => shapes[name]! });

/** The error's list of weights, and that its message has them. */
function refusedWeights(run: () => unknown): { readonly message: string; readonly weights: readonly string[] } {
  try {
    run();
  } catch (error) {
    if (error instanceof CheckpointError) return error;
    throw error;
  }
  throw new Error("expected a CheckpointError");
}

describe.each(families)("resolveCheckpointNames() for %s", (name) => {
  test("finds weights with the task models' prefix, and without", async () => {
    const model = await modelOf(name);
    const plain = shapesOf(model);
    const { prefix } = model.family;
    const prefixed = Object.fromEntries(Object.entries(plain).map(([each, shape]) => [prefix + each, shape]));
    const names = resolveCheckpointNames(model, checkpoint(prefixed));
    expect([...names]).toEqual(Object.keys(plain).map((each) => [each, prefix + each]));
    expect([...resolveCheckpointNames(model, checkpoint(plain)).values()]).toEqual(Object.keys(plain));
  });

  test("refuses weights that nobody knows, by name, however many weights there are that we do", async () => {
    const model = await modelOf(name);
    const shapes = { ...shapesOf(model), "adapter.down.weight": [2], [`${model.family.prefix}lora.weight`]: [3] };
    const { message, weights } = refusedWeights(() => resolveCheckpointNames(model, checkpoint(shapes)));
    expect(weights).toEqual(["adapter.down.weight", `${model.family.prefix}lora.weight`]);
    expect(message).toBe(
      `model.safetensors: has weights that this architecture does not know: ${weights.join(", ")} (ignoring them could give wrong vectors)`,
    );
  });

  test("refuses a layer too many: config.json and the checkpoint do not belong together", async () => {
    const model = await modelOf(name);
    const norm = `${model.family.layerNames(2).outputNorm}.weight`;
    const { weights } = refusedWeights(() =>
      resolveCheckpointNames(model, checkpoint({ ...shapesOf(model), [norm]: [4] })),
    );
    expect(weights).toEqual([norm]);
  });

  test("refuses a missing weight, by name", async () => {
    const model = await modelOf(name);
    const missing = `${model.family.layerNames(1).query}.bias`;
    const rest = Object.fromEntries(Object.entries(shapesOf(model)).filter(([each]) => each !== missing));
    const { message, weights } = refusedWeights(() => resolveCheckpointNames(model, checkpoint(rest)));
    expect(weights).toEqual([missing]);
    expect(message).toMatch(/^model\.safetensors: lacks weights that the model needs: /);
  });

  test("refuses a weight of another shape, with both", async () => {
    const model = await modelOf(name);
    const up = `${model.family.layerNames(0).up}.weight`;
    const { message } = refusedWeights(() =>
      resolveCheckpointNames(model, checkpoint({ ...shapesOf(model), [up]: [4, 6] })),
    );
    expect(message).toContain(`${up}: expected [6, 4], got [4, 6]`);
  });
});

describe("resolveCheckpointNames()", () => {
  test("takes the pooler where there is one", async () => {
    const model = await modelOf("bert");
    const pooler = { "bert.pooler.dense.weight": [4, 4], "bert.pooler.dense.bias": [4] };
    const names = resolveCheckpointNames(model, checkpoint({ ...shapesOf(model), ...pooler }));
    expect(names.get("pooler.dense.bias")).toBe("bert.pooler.dense.bias");
  });

  test("finds norms under the names that TensorFlow's checkpoints have", async () => {
    const model = await modelOf("bert");
    const legacy = Object.fromEntries(
      Object.entries(shapesOf(model)).map(([name, shape]) => [
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
        shape,
      ]),
    );
    expect(resolveCheckpointNames(model, checkpoint(legacy)).get("embeddings.LayerNorm.bias")).toBe(
      "embeddings.LayerNorm.beta",
    );
  });

  test("passes over the heads and buffers that transformers saves beside an encoder", async () => {
    const model = await modelOf("bert");
    const unused = { "embeddings.position_ids": [1, 8], "cls.predictions.bias": [11], "classifier.weight": [2, 4] };
    expect(() => resolveCheckpointNames(model, checkpoint({ ...shapesOf(model), ...unused }))).not.toThrow();
  });
});

describe("expectDenseWeights()", () => {
  const dense = { path: "2_Dense", inputSize: 4, outputSize: 3, hasBias: true, activation: "tanh" } as const;
  const shapes: Shapes = { "linear.weight": [3, 4], "linear.bias": [3] };

  test("takes what the module's config says, with a bias and without", () => {
    expect(() => expectDenseWeights(dense, checkpoint(shapes))).not.toThrow();
    expect(() =>
      expectDenseWeights({ ...dense, hasBias: false }, checkpoint({ "linear.weight": [3, 4] })),
    ).not.toThrow();
  });

  test.each<readonly [string, Shapes, readonly string[]]>([
    ["missing", { "linear.weight": [3, 4] }, ["linear.bias"]],
    ["unknown", { ...shapes, "residual.weight": [3, 4] }, ["residual.weight"]],
    ["turned over", { ...shapes, "linear.weight": [4, 3] }, ["linear.weight"]],
    ["not there at all", {}, ["linear.weight", "linear.bias"]],
  ])("refuses weights that are %s, by name", (_, given, names) => {
    const { message, weights } = refusedWeights(() => expectDenseWeights(dense, checkpoint(given)));
    expect(weights).toEqual(names);
    expect(message).toMatch(/^2_Dense\/model\.safetensors: expected linear\.weight \[3, 4\], linear\.bias \[3\], got /);
  });
});
