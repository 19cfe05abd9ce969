/** @file What transformers' pipelines answered for the tiny encoder with a head (tools/oracles/task_pipelines.py), and that model's folder. */
import { openSafetensors, writeSafetensors } from "@stagecoach/transformer/node";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { copyModel, editJson, type ModelCopy } from "./modelFolders.ts";
import { fixtures, tinyEncoder } from "./paths.ts";

export type PipelineFixture<Request, Answers> = {
  /** Version of the program that has answered. */
  readonly transformers: string;
  /** Of the model's config, as it differs from the tiny encoder's. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Of the head, by their names in a checkpoint. */
  readonly weights: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>>;
  readonly cases: readonly { readonly request: Request; readonly answers: Answers }[];
};

export type Question = { readonly question: string; readonly context: string };
export type Answer = { readonly score: number; readonly start: number; readonly end: number; readonly answer: string };
export type Filling = {
  readonly score: number;
  readonly token: number;
  readonly token_str: string;
  readonly sequence: string;
};
type QuestionRequest = Question & Readonly<Record<"top_k" | "doc_stride", number | undefined>>;
type MaskRequest = { readonly inputs: string | readonly string[]; readonly top_k?: number };
type MaskAnswers = readonly Filling[] | readonly (readonly Filling[])[] | readonly (readonly (readonly Filling[])[])[];

const read = (task: string): unknown => JSON.parse(readFileSync(`${fixtures}pipelines/${task}.json`, "utf8"));
export const questionAnswering = read("question-answering") as PipelineFixture<
  QuestionRequest,
  Answer | readonly Answer[]
>;
export const fillMask = read("fill-mask") as PipelineFixture<MaskRequest, MaskAnswers>;

type Labelled = { readonly label: string; readonly score: number };
type Pair = { readonly text: string; readonly text_pair: string };
export const textClassification = read("text-classification") as PipelineFixture<
  { readonly text: string; readonly text_pair?: string },
  readonly Labelled[]
>;
export const textRanking = read("text-ranking") as PipelineFixture<Pair, readonly [Labelled]>;
export const tokenClassification = read("token-classification") as PipelineFixture<
  { readonly inputs: string },
  /** Places in code points. */
  readonly { readonly entity_group: string; readonly score: number; readonly start: number; readonly end: number }[]
>;
/** Probabilities that the second text follows, and that it does not. */
export const nextSentence = read("next-sentence") as PipelineFixture<Pair, readonly [number, number]>;

const VOCABULARY = 200;
const POSITIONS = 96;

/**
 * The tiny encoder with a fixture's head.
 * @param architecture - transformers' name of its class
 * @param sizes.vocabSize - more than the 200 tokens that the tokenizer has: the others have weights of 0
 * @param sizes.numPositions - more than the 96 that the model has learnt: the others have weights of 0. Texts may be as long
 */
export async function modelWithHead(
  { weights, config = {} }: Pick<PipelineFixture<unknown, unknown>, "weights" | "config">,
  architecture: string,
  {
    vocabSize = VOCABULARY,
    numPositions = POSITIONS,
  }: { readonly vocabSize?: number; readonly numPositions?: number } = {},
): Promise<ModelCopy> {
  const copy = copyModel((folder) => {
    const sizes = { vocab_size: vocabSize, max_position_embeddings: numPositions };
    editJson(join(folder, "config.json"), { ...config, architectures: [architecture], ...sizes });
    if (numPositions > POSITIONS) editJson(join(folder, "tokenizer_config.json"), { model_max_length: numPositions });
  });
  const base = await openSafetensors(tinyEncoder);
  const grown = new Map([
    [VOCABULARY, vocabSize],
    [POSITIONS, numPositions],
  ]);
  const tensors = new Map<string, { dtype: "F32"; shape: readonly number[]; data: Float32Array }>();
  const set = (name: string, [rows, ...width]: readonly number[], values: ArrayLike<number>) => {
    const shape = [grown.get(rows!) ?? rows!, ...width];
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    data.set(values);
    tensors.set(name, { dtype: "F32", shape, data });
  };
  for (const name of base.names()) set(name, base.entry(name).shape, await base.readFloat32(name));
  await base.close();
  for (const [name, { shape, values }] of Object.entries(weights)) set(name, shape, values);
  await writeSafetensors(join(copy.folder, "model.safetensors"), tensors);
  return copy;
}
