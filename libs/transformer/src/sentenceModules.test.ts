/** @file Each file of a sentence-transformers folder, in the forms that its versions 2 to 6 have written. */
import { describe, expect, test } from "vitest";
import { readEncoderModel } from "./encoderModel.ts";
import { ModelConfigError, UnsupportedModelError } from "./errors.ts";
import type { DenseModule, SentenceModules } from "./sentenceModules.ts";

type Files = Readonly<Record<string, unknown>>;

const encoder: Files = {
  "config.json": {
    model_type: "bert",
    vocab_size: 11,
    max_position_embeddings: 40,
    hidden_size: 4,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 6,
  },
};

/** `modules.json` of the kinds, each in its usual folder. */
const modulesOf = (...kinds: readonly string[]) =>
  kinds.map((kind, index) => ({
    idx: index,
    name: String(index),
    path: index === 0 ? "" : `${index}_${kind.split(".").at(-1)}`,
    type: `sentence_transformers.models.${kind}`,
  }));

const pooled: Files = { ...encoder, "modules.json": modulesOf("Transformer", "Pooling") };

async function read(files: Files): Promise<SentenceModules> {
  return (await readEncoderModel((path) => Promise.resolve(files[path]))).modules;
}

const readPooling = async (config: unknown) => (await read({ ...pooled, "1_Pooling/config.json": config })).pooling;

const dense = { in_features: 4, out_features: 3, bias: true, activation_function: "torch.nn.modules.activation.Tanh" };

const readTransforms = async (configs: Files, ...kinds: readonly string[]) =>
  read({
    ...pooled,
    "modules.json": modulesOf("Transformer", "Pooling", ...kinds),
    "1_Pooling/config.json": {},
    ...configs,
  });

describe("readSentenceModules()", () => {
  test("without modules.json the mean is taken, as sentence-transformers does, and that nobody said so is told", async () => {
    expect(await read(encoder)).toEqual({
      pooling: ["mean"],
      transforms: [],
      dimensions: 4,
      maxLength: 40,
      lowerCase: false,
      prompts: {},
      defaultPromptName: null,
      isDeclared: false,
    });
  });

  test.each([
    ["sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"],
    [
      "sentence_transformers.base.modules.transformer.Transformer",
      "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    ],
  ])("knows a module by the last part of its class: %s", async (transformer, pooling) => {
    const modules = [
      { idx: 0, path: "", type: transformer },
      { idx: 1, path: "1_Pooling", type: pooling },
    ];
    const { isDeclared } = await read({ ...encoder, "modules.json": modules, "1_Pooling/config.json": {} });
    expect(isDeclared).toBe(true);
  });
});

describe("pooling", () => {
  test.each([
    ["cls", { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, ["cls"]],
    ["max", { pooling_mode_max_tokens: true }, ["max"]],
    ["mean", { word_embedding_dimension: 4, pooling_mode_mean_tokens: true }, ["mean"]],
    ["lasttoken", { pooling_mode_lasttoken: true }, ["lasttoken"]],
    [
      "several, in an order of their own",
      { pooling_mode_mean_tokens: true, pooling_mode_cls_token: true },
      ["cls", "mean"],
    ],
    ["none", { pooling_mode_cls_token: false, pooling_mode_mean_tokens: false }, ["mean"]],
  ])("as flags: %s", async (_, config, expected) => {
    expect(await readPooling(config)).toEqual(expected);
  });

  test.each([
    ["a name", { embedding_dimension: 4, pooling_mode: "max", include_prompt: true }, ["max"]],
    ["a list, in its own order", { pooling_mode: ["mean", "cls"] }, ["mean", "cls"]],
    ["before the flags beside it", { pooling_mode: "cls", pooling_mode_mean_tokens: true }, ["cls"]],
  ])("as `pooling_mode`: %s", async (_, config, expected) => {
    expect(await readPooling(config)).toEqual(expected);
  });

  test("several make the vector as many times as long", async () => {
    const { dimensions } = await read({ ...pooled, "1_Pooling/config.json": { pooling_mode: ["mean", "cls", "max"] } });
    expect(dimensions).toBe(12);
  });

  test.each([
    [
      { pooling_mode: "weightedmean" },
      UnsupportedModelError,
      /expected pooling cls, max, mean, lasttoken, got "weightedmean"/,
    ],
    [{ pooling_mode_weightedmean_tokens: true }, UnsupportedModelError, /got "weightedmean"/],
    [{ pooling_mode: ["cls", "mean_sqrt_len_tokens"] }, UnsupportedModelError, /got "mean_sqrt_len_tokens"/],
    [{ pooling_mode_mean_sqrt_len_tokens: true }, UnsupportedModelError, /got "mean_sqrt_len_tokens"/],
    [
      { pooling_mode: "mean", include_prompt: false },
      UnsupportedModelError,
      /"include_prompt": false .* not implemented/,
    ],
    [{ include_prompt: false }, UnsupportedModelError, /"include_prompt": false .* not implemented/],
    [{ word_embedding_dimension: 5 }, ModelConfigError, /pools vectors of size 5, but the encoder gives 4/],
  ] as const)("refuses %j", async (config, kind, message) => {
    const refused = readPooling(config);
    await expect(refused).rejects.toThrow(kind);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(/^1_Pooling\/config\.json: /);
  });
});

describe("modules after pooling", () => {
  test("come in the order of modules.json, each as long as the one before it gives", async () => {
    const { transforms, dimensions } = await readTransforms(
      {
        "2_Dense/config.json": dense,
        "4_Dense/config.json": {
          in_features: 3,
          out_features: 2,
          bias: false,
          activation_function: "torch.nn.modules.linear.Identity",
        },
      },
      "Dense",
      "Dropout",
      "Dense",
      "Normalize",
    );
    expect(transforms).toEqual([
      { path: "2_Dense", inputSize: 4, outputSize: 3, hasBias: true, activation: "tanh" },
      { path: "4_Dense", inputSize: 3, outputSize: 2, hasBias: false, activation: "identity" },
      "normalize",
    ]);
    expect(dimensions).toBe(2);
  });

  test("a dense module has a bias and the hyperbolic tangent unless it says otherwise", async () => {
    const { transforms } = await readTransforms(
      { "2_Dense/config.json": { in_features: 4, out_features: 3 } },
      "Dense",
    );
    expect(transforms[0] as DenseModule).toMatchObject({ hasBias: true, activation: "tanh" });
  });

  test.each([
    [
      { activation_function: "torch.nn.modules.activation.ReLU" },
      UnsupportedModelError,
      /expected Tanh or Identity, got "ReLU"/,
    ],
    [{ use_residual: true }, UnsupportedModelError, /"use_residual": true .* not implemented/],
    [
      { module_input_name: "token_embeddings" },
      UnsupportedModelError,
      /"module_input_name": .* got "token_embeddings"/,
    ],
    [{ module_output_name: "projected" }, UnsupportedModelError, /"module_output_name": .* got "projected"/],
    [{ in_features: 5 }, ModelConfigError, /"in_features": expected 4, the size before it, got 5/],
    [{ out_features: 0 }, ModelConfigError, /"out_features": expected a whole number of at least 1, got 0/],
  ] as const)("refuses a dense module with %j", async (fields, kind, message) => {
    const refused = readTransforms({ "2_Dense/config.json": { ...dense, ...fields } }, "Dense");
    await expect(refused).rejects.toThrow(kind);
    await expect(refused).rejects.toThrow(message);
  });

  test("refuses unit length of tokens", async () => {
    const config = { module_input_name: "token_embeddings" };
    await expect(readTransforms({ "2_Normalize/config.json": config }, "Normalize")).rejects.toThrow(
      /^2_Normalize\/config\.json: "module_input_name": expected "sentence_embedding"/,
    );
  });

  test.each([
    [[], /expected a Transformer, then a Pooling module, got nothing/],
    [modulesOf("Pooling", "Transformer"), /got Pooling, Transformer/],
    [modulesOf("Transformer", "Pooling", "LayerNorm"), /expected modules Transformer, .*; got "LayerNorm"/],
    [
      [
        { path: "0_Transformer", type: "Transformer" },
        { path: "1_Pooling", type: "Pooling" },
      ],
      /got "0_Transformer"/,
    ],
    [[{ path: "../other", type: "Transformer" }], /expected a folder inside the model's folder, got "\.\.\/other"/],
    [{}, /modules\.json: expected a list of modules/],
  ])("refuses the list %j", async (modules, message) => {
    await expect(read({ ...pooled, "modules.json": modules, "1_Pooling/config.json": {} })).rejects.toThrow(message);
  });
});

describe("the longest text", () => {
  const bert = "sentence_bert_config.json";
  const tokenizer = "tokenizer_config.json";
  test.each([
    ["max_seq_length", { [bert]: { max_seq_length: 20 } }, 20],
    [
      "max_seq_length before the tokenizer's",
      { [bert]: { max_seq_length: 20 }, [tokenizer]: { model_max_length: 9 } },
      20,
    ],
    [
      "the tokenizer's, where max_seq_length is null",
      { [bert]: { max_seq_length: null }, [tokenizer]: { model_max_length: 9 } },
      9,
    ],
    ["the tokenizer's, where there is no max_seq_length", { [bert]: {}, [tokenizer]: { model_max_length: 9 } }, 9],
    ["at most the positions, whatever max_seq_length", { [bert]: { max_seq_length: 512 } }, 40],
    [
      "at most the positions, where the tokenizer's is a number beyond any length",
      { [tokenizer]: { model_max_length: 1e30 } },
      40,
    ],
  ])("is %s", async (_, files, expected) => {
    expect((await read({ ...encoder, ...files })).maxLength).toBe(expected);
  });

  test.each(["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"])(
    "is in sentence_%s_config.json too, with do_lower_case",
    async (name) => {
      const limits = { max_seq_length: 20, do_lower_case: true };
      const { maxLength, lowerCase } = await read({ ...encoder, [`sentence_${name}_config.json`]: limits });
      expect([maxLength, lowerCase]).toEqual([20, true]);
    },
  );

  test("is in the first of these files alone", async () => {
    const files = {
      "sentence_xlnet_config.json": { max_seq_length: 7, do_lower_case: true },
      "sentence_roberta_config.json": { max_seq_length: 8 },
    };
    expect(await read({ ...encoder, ...files })).toMatchObject({ maxLength: 8, lowerCase: false });
  });

  test.each([
    [{ [bert]: { max_seq_length: 0 } }, /^sentence_bert_config\.json: "max_seq_length"/],
    [{ [bert]: { do_lower_case: "yes" } }, /^sentence_bert_config\.json: "do_lower_case": expected true or false/],
    [{ [tokenizer]: { model_max_length: "long" } }, /^tokenizer_config\.json: "model_max_length"/],
  ])("refuses %j", async (files, message) => {
    await expect(read({ ...encoder, ...files })).rejects.toThrow(message);
  });
});

describe("prompts", () => {
  const file = "config_sentence_transformers.json";
  const prompts = { query: "query: ", document: "" };

  test("are read by name, with the one that is used when a request names none", async () => {
    const model = await read({ ...encoder, [file]: { prompts, default_prompt_name: "query" } });
    expect([model.prompts, model.defaultPromptName]).toEqual([prompts, "query"]);
  });

  test("may be missing", async () => {
    const model = await read({ ...encoder, [file]: { default_prompt_name: null } });
    expect([model.prompts, model.defaultPromptName]).toEqual([{}, null]);
  });

  test.each([
    [
      { prompts, default_prompt_name: "passage" },
      /"default_prompt_name": expected one of query, document, got "passage"/,
    ],
    [{ default_prompt_name: "query" }, /expected one of no prompts, got "query"/],
    [{ prompts: { query: 5 } }, /"prompts": "query": expected a string, got 5/],
    [{ prompts: ["query: "] }, /"prompts": expected a JSON object, got an array/],
    [{ truncate_dim: 2 }, /"truncate_dim" is not implemented/],
  ])("refuses %j", async (config, message) => {
    await expect(read({ ...encoder, [file]: config })).rejects.toThrow(message);
  });
});
