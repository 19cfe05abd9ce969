/** @file Metrics of sentence vectors: how an anchor's own text ranks among others', or how cosines follow given similarities. */
import type { EmbeddingLoss, SentenceEmbeddingTask } from "@stagecoach/transformer";
import { MetricError } from "../../errors.ts";
import { pearson, spearman } from "../correlation.ts";
import { RankingTally } from "../ranking.ts";
import { dot, vectorAt } from "../vectors.ts";
import type { EvaluatedBatch, MetricAccumulator, TaskOutputs } from "./accumulator.ts";
import { teacherMetrics } from "./teacherMetrics.ts";
import { finiteOrNull, RunningMean } from "../runningMean.ts";
import { logSumExp, rowsOf, targetOf } from "./rows.ts";

/**
 * Those of the pairs' loss, of the teacher, or of both; the pairs' primary metric counts then, and `loss` is the sum. Losses are summed
 * over the sizes to which vectors can be cut, as in training; everything else is of the largest of them.
 */
export function embeddingMetrics({ loss, teacher, dimensions }: SentenceEmbeddingTask): MetricAccumulator {
  const taught = teacher === undefined ? null : teacherMetrics(teacher, dimensions);
  const compared = loss.name === "none" ? null : metricsOf(loss, dimensions);
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

/** undefined: the full size. */
type Sizes = readonly number[] | undefined;

function metricsOf(loss: Exclude<EmbeddingLoss, { name: "none" }>, sizes: Sizes): MetricAccumulator {
  return loss.name === "cosine-similarity" ? similarityMetrics(sizes) : rankingMetrics(loss, sizes);
}

/** Examples among whose candidates an anchor's own is ranked, and products that this may take: more would stop the process for seconds. */
const [POOL, PRODUCTS] = [1000, 5e8];
/** The same text has another vector in another batch, by rounding: what is only so much nearer is as near. */
const TIE = 1e-5;

type Ranking = { readonly similarity: "cosine" | "dot"; readonly scale: number };
type Vectors = { readonly anchors: Float64Array[]; readonly candidates: Float64Array[]; readonly own: number[] };

/**
 * mrr_at_10, recall_at_1, recall_at_10, ndcg_at_10 of an anchor's positive among all positives and hard negatives of its pool of
 * 1,000 examples, fewer for many or large ones; what is as near as the positive, such as the same text once more, does not come before
 * it. loss: that of training, among the texts of each evaluation batch.
 */
function rankingMetrics({ similarity, scale }: Ranking, sizes: Sizes): MetricAccumulator {
  const loss = new RunningMean();
  const tally = new RankingTally();
  const pool: Vectors = { anchors: [], candidates: [], own: [] };
  const rankPool = () => {
    pool.anchors.forEach((anchor, index) => {
      const own = dot(anchor, pool.candidates[pool.own[index]!]!);
      // Not finite: behind all others.
      tally.add([1 + pool.candidates.reduce((nearer, each) => nearer + (dot(anchor, each) <= own + TIE ? 0 : 1), 0)]);
    });
    for (const each of Object.values(pool)) each.length = 0;
  };
  return {
    primary: "mrr_at_10",
    add(evaluated, outputs) {
      const own = Array.from(targetOf(evaluated, "positive_columns"));
      const bySize = vectorsOf(evaluated, outputs, { sizes, hasUnitLength: similarity === "cosine" });
      const losses = own.map(() => 0);
      for (const { anchors, candidates } of bySize) {
        anchors.forEach((anchor, index) => {
          const scores = candidates.map((each) => scale * dot(anchor, each));
          losses[index]! += logSumExp(scores.length, (column) => scores[column]!) - scores[own[index]!]!;
        });
      }
      for (const each of losses) loss.add(each);
      const { anchors, candidates } = bySize[0]!;
      pool.own.push(...own.map((column) => pool.candidates.length + column));
      pool.anchors.push(...anchors);
      pool.candidates.push(...candidates);
      const products = pool.anchors.length * pool.candidates.length * anchors[0]!.length;
      if (pool.anchors.length >= POOL || products >= PRODUCTS) rankPool();
    },
    finish() {
      if (pool.anchors.length > 0) rankPool();
      const metrics = { loss: loss.value, ...tally.metrics };
      return { loss: loss.value, primary: "mrr_at_10", metrics, predictions: [] };
    },
  };
}

/** mse (the loss of one size), pearson and spearman of the cosines and the similarities that were given. */
function similarityMetrics(sizes: Sizes): MetricAccumulator {
  const loss = new RunningMean();
  const given: number[] = [];
  const found: number[] = [];
  return {
    primary: "spearman",
    add(evaluated, outputs) {
      const similarities = Array.from(targetOf(evaluated, "similarities"));
      const cosines = vectorsOf(evaluated, outputs, { sizes, hasUnitLength: true }).map(({ anchors, candidates }) =>
        anchors.map((anchor, index) => dot(anchor, candidates[index]!)),
      );
      similarities.forEach((similarity, index) =>
        loss.add(cosines.reduce((sum, ofSize) => sum + (ofSize[index]! - similarity) ** 2, 0)),
      );
      given.push(...similarities);
      found.push(...cosines[0]!);
    },
    finish() {
      const mse = finiteOrNull(given.reduce((sum, each, index) => sum + (each - found[index]!) ** 2, 0) / given.length);
      const metrics = { loss: loss.value, mse, pearson: pearson(given, found), spearman: spearman(given, found) };
      return { loss: loss.value, primary: "spearman", metrics, predictions: [] };
    },
  };
}

/** Of each size, the largest first. */
function vectorsOf(
  evaluated: EvaluatedBatch,
  outputs: TaskOutputs,
  { sizes, hasUnitLength }: { readonly sizes: Sizes; readonly hasUnitLength: boolean },
): readonly Pick<Vectors, "anchors" | "candidates">[] {
  const rows = rowsOf(outputs, "embeddings", evaluated.batch.lengths.length);
  const [anchors, candidates] = [targetOf(evaluated, "anchor_rows"), targetOf(evaluated, "candidate_rows")];
  return (sizes ?? [rows.numColumns]).map((size) => {
    const chosen = (numbers: ArrayLike<number>) =>
      Array.from(numbers, (row) => vectorAt(rows, row, { size, hasUnitLength }));
    return { anchors: chosen(anchors), candidates: chosen(candidates) };
  });
}
