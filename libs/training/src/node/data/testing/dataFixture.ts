/** @file Expected values, written by tools/oracles/training_data.py (its head names programs, versions and seeds). */
import { readFileSync } from "node:fs";

type Instance = {
  readonly document: number;
  readonly ids: readonly number[];
  readonly firstSegment: number;
  readonly isRandomNext: boolean;
  readonly positions: readonly number[];
  readonly labels: readonly number[];
};

export type DataFixture = {
  readonly vocabulary: readonly string[];
  readonly pretraining: readonly {
    readonly wholeWords: boolean;
    readonly maxLength: number;
    readonly maxPredictions: number;
    readonly shortSequenceProbability: number;
    readonly documents: readonly (readonly (readonly number[])[])[];
    readonly instances: readonly Instance[];
  }[];
  readonly lengthGroups: readonly {
    readonly lengths: readonly number[];
    readonly batchSize: number;
    readonly order: readonly number[];
    readonly grouped: readonly number[];
  }[];
  /** Of the tokenizer behind `questions` and `tags`, after the special tokens. */
  readonly words: readonly string[];
  readonly questions: readonly {
    readonly question: string;
    readonly context: string;
    readonly answers: { readonly text: readonly string[]; readonly answer_start: readonly number[] };
    readonly maxLength: number;
    readonly stride: number;
    readonly windows: readonly {
      readonly ids: readonly number[];
      readonly firstSegment: number;
      readonly start: number;
      readonly end: number;
    }[];
  }[];
  readonly tags: readonly {
    readonly tokens: readonly string[];
    readonly tags: readonly string[];
    readonly allPieces: boolean;
    readonly maxLength: number;
    readonly ids: readonly number[];
    /** -100 where a piece has no label. */
    readonly labels: readonly number[];
  }[];
};

export const fixture = JSON.parse(
  readFileSync(new URL("../../../../fixtures/data.json", import.meta.url), "utf8"),
) as DataFixture;
