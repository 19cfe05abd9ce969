/** @file Texts and what sentence-transformers makes of them (tools/oracles/sentence_encoder.py, tools/oracles/dense_encoder.py). */
import { readFileSync } from "node:fs";
import { denseEncoder, tinyEncoder } from "./paths.ts";

type GoldenSentences = {
  readonly texts: readonly string[];
  /** Unit length. */
  readonly embeddings: readonly (readonly number[])[];
  /** With the prompt "query". */
  readonly query_embeddings: readonly (readonly number[])[];
  /** Special tokens included, cut to 64. */
  readonly token_ids: readonly (readonly number[])[];
};

export const golden = JSON.parse(readFileSync(`${tinyEncoder}/golden.json`, "utf8")) as GoldenSentences;

/** The folder of the dense encoder with other JSON files in it, and its vectors as they come out of the last module. */
type GoldenFolders = {
  readonly texts: readonly string[];
  readonly cases: readonly {
    readonly name: string;
    /** `null`: removed. */
    readonly files: Readonly<Record<string, unknown>>;
    readonly embeddings: readonly (readonly number[])[];
  }[];
};

export const goldenFolders = JSON.parse(readFileSync(`${denseEncoder}/golden.json`, "utf8")) as GoldenFolders;

/** Number of the golden text that is longer than the model takes. */
export const longText = golden.texts.findIndex((text) => text.startsWith("x x x"));

/** Vectors over HTTP went through float32, batches and stages: rounding is all that may differ from PyTorch. */
export const TOLERANCE = 2e-6;

export function unitLength(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
