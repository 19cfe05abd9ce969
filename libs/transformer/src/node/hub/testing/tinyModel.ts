/** @file A repository as the hub holds it, small: formats that we want beside formats that we do not. */
import type { FakeModel } from "./fakeHub.ts";

/** Bytes without a pattern that a shifted copy would repeat: a linear congruential generator (Numerical Recipes). */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

export const weightBytes = 300_000;

export const wantedFiles = [
  "1_Pooling/config.json",
  "config.json",
  "model.safetensors",
  "modules.json",
  "sentence_bert_config.json",
  "tokenizer.json",
  "vocab.txt",
];

export const tinyModel: FakeModel = {
  id: "org/tiny",
  commit: "0123456789abcdef0123456789abcdef01234567",
  files: {
    "1_Pooling/config.json": '{"pooling_mode_mean_tokens":true}',
    "README.md": "# tiny",
    "config.json": '{"model_type":"bert"}',
    "flax_model.msgpack": noise(100),
    "model.safetensors": noise(weightBytes),
    "modules.json": JSON.stringify([
      { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
      { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
      { idx: 2, name: "2", path: "2_Normalize", type: "sentence_transformers.models.Normalize" },
    ]),
    "onnx/model.onnx": noise(100),
    "pytorch_model.bin": noise(100),
    "sentence_bert_config.json": '{"max_seq_length":256}',
    "tf_model.h5": noise(100),
    "tokenizer.json": '{"version":"1.0"}',
    "vocab.txt": "[PAD]\n",
  },
};
