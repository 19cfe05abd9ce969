/** @file Metrics of sentence vectors: how an anchor's own text ranks among others', or how cosines follow given similarities. */
import type { EmbeddingLoss, SentenceEmbeddingTask } from "@stagecoach/transformer";
import { MetricError } from "../../errors.ts";
import { pearson, spearman } from "../correlation.ts";
import { RankingTally, ranksOf } from "../ranking.ts";
import type { EvaluatedBatch, MetricAccumulator, TaskOutputs } from "./accumulator.ts";
import { teacherMetrics } from "./teacherMetrics.ts";
import { finiteOrNull, RunningMean } from "../runningMean.ts";
import { logSumExp, rowsOf, targetOf, type Rows } from "./rows.ts";

/** Those of the pairs' loss, of the teacher, or of both; the pairs' primary metric counts then, and `loss` is the sum. */
export function embeddingMetrics({ loss, teacher }: SentenceEmbeddingTask): MetricAccumulator {
  const taught = teacher === undefined ? null : teacherMetrics(teacher);
  const compared = loss.name === "none" ? null : metricsOf(loss);
  if (taught === null || compared === null) {
    const only = compared ?? taught;
    if (only === null) throw new MetricError("metrics: expected pairs or a teacher, got neither");
    return only;
  }
  return {
    primary: compared.primary,
    add(evaluated, outputs) {
      compared.add(evaluated, outputs);
      taught.add(evaluated, outputs);
    },
    finish() {
      const [own, theirs] = [compared.finish(), taught.finish()];
      const total = own.loss === null || theirs.loss === null ? null : own.loss + theirs.loss;
      return { ...own, loss: total, metrics: { ...own.metrics, ...theirs.metrics, loss: total } };
    },
  };
}

function metricsOf(loss: Exclude<EmbeddingLoss, { name: "none" }>): MetricAccumulator {
  return loss.name === "cosine-similarity" ? similarityMetrics() : rankingMetrics(loss);
}

/** Examples among whose candidates an anchor's own is ranked: comparing more would stop the process for seconds. */
const POOL = 1000;

type Ranking = { readonly similarity: "cosine" | "dot"; readonly scale: number };
type Vectors = { readonly anchors: Float64Array[]; readonly candidates: Float64Array[]; readonly own: number[] };

/**
 * mrr_at_10, recall_at_1, recall_at_10, ndcg_at_10 of an anchor's positive among all positives and hard negatives of its pool of
 * 1,000 examples. loss: that of training, among the texts
 * of each evaluation batch.
 */
function rankingMetrics({ similarity, scale }: Ranking): MetricAccumulator {
  const loss = new RunningMean();
  const tally = new RankingTally();
  const pool: Vectors = { anchors: [], candidates: [], own: [] };
  const rankPool = () => {
    pool.anchors.forEach((anchor, index) => {
      const scores = pool.candidates.map((each) => dot(anchor, each));
      tally.add(ranksOf(scores, [pool.own[index]!]));
    });
    for (const each of Object.values(pool)) each.length = 0;
  };
  return {
    primary: "mrr_at_10",
    add(evaluated, outputs) {
      const { anchors, candidates } = vectorsOf(evaluated, outputs, similarity === "cosine");
      const own = Array.from(targetOf(evaluated, "positive_columns"));
      anchors.forEach((anchor, index) => {
        const scores = candidates.map((each) => scale * dot(anchor, each));
        loss.add(logSumExp(scores.length, (column) => scores[column]!) - scores[own[index]!]!);
      });
      pool.own.push(...own.map((column) => pool.candidates.length + column));
      pool.anchors.push(...anchors);
      pool.candidates.push(...candidates);
      if (pool.anchors.length >= POOL) rankPool();
    },
    finish() {
      if (pool.anchors.length > 0) rankPool();
      const metrics = { loss: loss.value, ...tally.metrics };
      return { loss: loss.value, primary: "mrr_at_10", metrics, predictions: [] };
    },
  };
}

/** mse (which is the loss), pearson and spearman of the cosines and the similarities that were given. */
function similarityMetrics(): MetricAccumulator {
  const given: number[] = [];
  const found: number[] = [];
  return {
    primary: "spearman",
    add(evaluated, outputs) {
      const { anchors, candidates } = vectorsOf(evaluated, outputs, true);
      given.push(...Array.from(targetOf(evaluated, "similarities")));
      found.push(...anchors.map((anchor, index) => dot(anchor, candidates[index]!)));
    },
    finish() {
      const mse = finiteOrNull(given.reduce((sum, each, index) => sum + (each - found[index]!) ** 2, 0) / given.length);
      const metrics = { loss: mse, mse, pearson: pearson(given, found), spearman: spearman(given, found) };
      return { loss: mse, primary: "spearman", metrics, predictions: [] };
    },
  };
}

function vectorsOf(
  evaluated: EvaluatedBatch,
  outputs: TaskOutputs,
  hasUnitLength: boolean,
): Pick<Vectors, "anchors" | "candidates"> {
  const rows = rowsOf(outputs, "embeddings", evaluated.batch.lengths.length);
  const chosen = (name: string) => Array.from(targetOf(evaluated, name), (row) => vectorAt(rows, row, hasUnitLength));
  return { anchors: chosen("anchor_rows"), candidates: chosen("candidate_rows") };
}

function vectorAt({ data, numColumns }: Rows, row: number, hasUnitLength: boolean): Float64Array {
  const vector = Float64Array.from({ length: numColumns }, (_, column) => data[row * numColumns + column]!);
  if (!hasUnitLength) return vector;
  const length = Math.max(Math.sqrt(dot(vector, vector)), 1e-12);
  return vector.map((value) => value / length);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
