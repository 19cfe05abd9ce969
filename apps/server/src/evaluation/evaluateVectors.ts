/** @file What a model's vectors are good for: finding the texts that belong to an anchor, or saying how similar two texts are. */
import {
  dot,
  pearson,
  RankingTally,
  ranksOf,
  spearman,
  storedSimilarity,
  TrainingError,
  type Evaluation,
} from "@stagecoach/training";
import type { loadExamples } from "@stagecoach/training/node";
import type { EngineName } from "@stagecoach/engine/node";
import { loadEncoder } from "../encoder/loadEncoder.ts";
import type { EvaluationEvent } from "./evaluateModel.ts";
import { openRanking } from "./openRanking.ts";

export type VectorEvaluationOptions = {
  /** Of the model. */
  readonly folder: string;
  readonly engine: EngineName;
  readonly threads: number;
  readonly dimensions?: number | undefined;
  readonly onEvent: (event: EvaluationEvent) => void;
  readonly signal?: AbortSignal | undefined;
};

type Encoded = Pick<Awaited<ReturnType<typeof loadExamples>>, "task" | "texts" | "store">;
type Measured = Pick<Evaluation, "primary" | "metrics"> & { readonly kind: "retrieval" | "similarity" };

/** Anchors whose scores are computed at once. */
const QUERIES = 64;

/** @throws TrainingError for texts without pairs and sizes that the vectors do not have; what loading the model throws; the signal's reason */
export async function evaluateVectors(encoded: Encoded, options: VectorEvaluationOptions): Promise<Measured> {
  const { task } = encoded;
  if (task.name !== "sentence-embedding") throw new Error(`internal: vectors of examples of ${task.name}`);
  if (task.loss.name === "none") {
    const expected = "anchors and positives, or pairs with a score";
    throw new TrainingError(
      "training_option",
      `data: expected ${expected}, got texts alone (nothing says what is near what)`,
    );
  }
  const texts = [...new Set(encoded.texts)];
  const vectors = await vectorsOf(texts, options);
  const places = new Map(texts.map((text, place) => [text, place]));
  const rows = Array.from({ length: encoded.store.size }, (_, row) =>
    encoded.texts.slice(row * task.numTexts, (row + 1) * task.numTexts).map((text) => places.get(text)!),
  );
  if (task.loss.name === "in-batch-negatives") return rank(rows, vectors, options);
  const given = rows.map((_, row) => storedSimilarity(encoded.store.get(row).target));
  const found = rows.map(([a, b]) => dot(vectors[a!]!, vectors[b!]!));
  const metrics = { pearson: pearson(given, found), spearman: spearman(given, found) };
  return { kind: "similarity", primary: "spearman", metrics };
}

/** Of unit length. */
async function vectorsOf(texts: readonly string[], options: VectorEvaluationOptions): Promise<Float32Array[]> {
  const { folder, engine, threads, dimensions, onEvent, signal } = options;
  await using encoder = await loadEncoder(folder, { engine, threads, ...(signal === undefined ? {} : { signal }) });
  if (dimensions !== undefined && dimensions > encoder.dimensions) {
    const message = `dimensions: expected at most ${encoder.dimensions}, the size of the model's vectors, got ${dimensions}`;
    throw new TrainingError("training_option", message);
  }
  // Awaited here: the encoder is closed when this function ends.
  return await encoder.encode(texts, {
    normalize: true,
    ...(dimensions === undefined ? {} : { dimensions }),
    onProgress: ({ done, total }) => onEvent({ type: "evaluating", done, total, unit: "texts" }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * Every anchor among all positives and hard negatives. An anchor that several rows have counts once, with the texts of all of them.
 *
 * @param rows - places of each row's texts among the vectors: anchor, positive, hard negatives
 */
async function rank(
  rows: readonly (readonly number[])[],
  vectors: readonly Float32Array[],
  { engine, threads, onEvent, signal }: VectorEvaluationOptions,
): Promise<Measured> {
  const relevant = new Map<number, Set<number>>();
  const documents = new Map<number, number>();
  for (const [anchor, positive, ...negatives] of rows) {
    for (const text of [positive!, ...negatives]) if (!documents.has(text)) documents.set(text, documents.size);
    const found = relevant.get(anchor!) ?? new Set();
    relevant.set(anchor!, found.add(documents.get(positive!)!));
  }
  const tally = new RankingTally();
  const queries = [...relevant];
  await using ranking = await openRanking(
    [...documents.keys()].map((text) => vectors[text]!),
    { engine, threads },
  );
  for (let start = 0; start < queries.length; start += QUERIES) {
    signal?.throwIfAborted();
    const part = queries.slice(start, start + QUERIES);
    const scores = await ranking.scores(part.map(([anchor]) => vectors[anchor]!));
    scores.forEach((row, index) => tally.add(ranksOf(row, [...part[index]![1]])));
    onEvent({ type: "evaluating", done: start + part.length, total: queries.length, unit: "anchors" });
  }
  return { kind: "retrieval", primary: "mrr_at_10", metrics: { ...tally.metrics } };
}
