/** @file Metrics of sentence vectors: how an anchor's own text ranks among others', or how cosines follow given similarities. */
import type { EmbeddingLoss, SentenceEmbeddingTask } from "@stagecoach/transformer";
import { MetricError } from "../../errors.ts";
import { pearson, spearman } from "../correlation.ts";
import type { EvaluatedBatch, MetricAccumulator, TaskOutputs } from "./accumulator.ts";
import { teacherMetrics } from "./teacherMetrics.ts";
import { finiteOrNull, logSumExp, RunningMean, rowsOf, targetOf, type Rows } from "./rows.ts";

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
/** Places that count. */
const CUT = 10;

type Ranking = { readonly similarity: "cosine" | "dot"; readonly scale: number };
type Vectors = { readonly anchors: Float64Array[]; readonly candidates: Float64Array[]; readonly own: number[] };

/**
 * mrr_at_10, recall_at_1, recall_at_10, ndcg_at_10 of an anchor's positive among all positives and hard negatives of its pool of
 * 1,000 examples; a candidate that is as similar as the positive does not come before it. loss: that of training, among the texts
 * of each evaluation batch.
 */
function rankingMetrics({ similarity, scale }: Ranking): MetricAccumulator {
  const [loss, mrr, first, within, gain] = Array.from({ length: 5 }, () => new RunningMean()) as FiveMeans;
  const pool: Vectors = { anchors: [], candidates: [], own: [] };
  const rankPool = () => {
    pool.anchors.forEach((anchor, index) => {
      const own = dot(anchor, pool.candidates[pool.own[index]!]!);
      // Not finite: behind all others.
      const rank = 1 + pool.candidates.reduce((before, each) => before + (dot(anchor, each) <= own ? 0 : 1), 0);
      mrr.add(rank <= CUT ? 1 / rank : 0);
      first.add(rank === 1 ? 1 : 0);
      within.add(rank <= CUT ? 1 : 0);
      gain.add(rank <= CUT ? 1 / Math.log2(rank + 1) : 0);
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
      const metrics = {
        loss: loss.value,
        mrr_at_10: mrr.value,
        recall_at_1: first.value,
        recall_at_10: within.value,
        ndcg_at_10: gain.value,
      };
      return { loss: loss.value, primary: "mrr_at_10", metrics, predictions: [] };
    },
  };
}

type FiveMeans = [RunningMean, RunningMean, RunningMean, RunningMean, RunningMean];

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
