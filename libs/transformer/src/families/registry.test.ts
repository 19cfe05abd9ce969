/** @file What a `config.json` may say of each family, and what is refused because it would change the vectors. */
import { describe, expect, test } from "vitest";
import { activationNames } from "../activation.ts";
import { ModelConfigError, UnsupportedModelError } from "../errors.ts";
import { readEncoderConfig } from "./registry.ts";

const sizes = { vocab_size: 11, max_position_embeddings: 8 };
const bertSizes = { hidden_size: 4, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 6 };
const configs = {
  bert: { model_type: "bert", ...sizes, ...bertSizes },
  roberta: { model_type: "roberta", ...sizes, ...bertSizes },
  "xlm-roberta": { model_type: "xlm-roberta", ...sizes, ...bertSizes },
  camembert: { model_type: "camembert", ...sizes, ...bertSizes },
  distilbert: { model_type: "distilbert", ...sizes, dim: 4, n_layers: 2, n_heads: 2, hidden_dim: 6 },
  mpnet: { model_type: "mpnet", ...sizes, ...bertSizes },
} as const;
type ModelType = keyof typeof configs;
const modelTypes = Object.keys(configs) as ModelType[];

const activationField = (modelType: ModelType) => (modelType === "distilbert" ? "activation" : "hidden_act");

describe("readEncoderConfig()", () => {
  test.each(modelTypes)("%s: reads sizes under the family's own names", (modelType) => {
    const { family, config } = readEncoderConfig(configs[modelType]);
    expect(family.modelTypes).toContain(modelType);
    expect(config).toMatchObject({ hiddenSize: 4, numLayers: 2, numHeads: 2, headSize: 2, intermediateSize: 6 });
  });

  test.each([
    ["bert", 8],
    ["distilbert", 8],
    ["roberta", 6],
    ["mpnet", 6],
  ] as const)("%s: of 8 positions a text gets %i", (modelType, maxLength) => {
    expect(readEncoderConfig(configs[modelType]).config.maxLength).toBe(maxLength);
  });

  test.each(modelTypes.flatMap((modelType) => activationNames.map((name) => [modelType, name] as const)))(
    "%s: takes the activation %s",
    (modelType, activation) => {
      const { config } = readEncoderConfig({ ...configs[modelType], [activationField(modelType)]: activation });
      expect(config.activation).toBe(activation);
    },
  );

  test.each(modelTypes)("%s: refuses an activation that is none of ours, by name", (modelType) => {
    const field = activationField(modelType);
    const read = () => readEncoderConfig({ ...configs[modelType], [field]: "mish" });
    expect(read).toThrow(ModelConfigError);
    expect(read).toThrow(`config.json: "${field}": expected one of ${activationNames.join(", ")}, got "mish"`);
  });

  test.each(
    (["bert", "roberta", "xlm-roberta", "camembert"] as const).flatMap((modelType) => [
      [modelType, "is_decoder", true] as const,
      [modelType, "add_cross_attention", true] as const,
      [modelType, "position_embedding_type", "relative_key"] as const,
      [modelType, "position_embedding_type", "relative_key_query"] as const,
    ]),
  )("%s: refuses %s: %j", (modelType, field, value) => {
    const read = () => readEncoderConfig({ ...configs[modelType], [field]: value });
    expect(read).toThrow(ModelConfigError);
    expect(read).toThrow(
      new RegExp(`^config\\.json: "${field}": only .* is implemented, got ${JSON.stringify(value)}$`),
    );
  });

  test.each(modelTypes)("%s: refuses heads that do not divide the hidden size", (modelType) => {
    const field = modelType === "distilbert" ? "n_heads" : "num_attention_heads";
    expect(() => readEncoderConfig({ ...configs[modelType], [field]: 3 })).toThrow(
      /the hidden size 4 is not a multiple of the 3 attention heads/,
    );
  });

  test.each(["roberta", "mpnet"] as const)("%s: refuses positions that the padding uses up", (modelType) => {
    expect(() => readEncoderConfig({ ...configs[modelType], max_position_embeddings: 2 })).toThrow(
      /"max_position_embeddings": expected more than 2/,
    );
  });

  test("refuses another architecture with the list of those that we know", () => {
    const read = () => readEncoderConfig({ ...configs.bert, model_type: "t5", architectures: ["T5Model"] });
    expect(read).toThrow(UnsupportedModelError);
    expect(read).toThrow(`expected one of ${modelTypes.join(", ")}, got "t5" (architectures: ["T5Model"])`);
  });
});
