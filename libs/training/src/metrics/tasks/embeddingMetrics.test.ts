import type { SentenceEmbeddingTask, Target } from "@stagecoach/transformer";
import { describe, expect, test } from "vitest";
import { taskMetrics } from "../taskMetrics.ts";

const ranking = (similarity: "cosine" | "dot", scale = 1): SentenceEmbeddingTask => ({
  name: "sentence-embedding",
  loss: { name: "in-batch-negatives", similarity, scale },
  numTexts: 2,
});
const int32 = (...values: number[]): Target => ({
  dtype: "int32",
  shape: [values.length],
  data: Int32Array.from(values),
});

/** Anchors and their positives in turn, as vectors of two numbers. */
function evaluate(
  task: SentenceEmbeddingTask,
  batches: readonly (readonly (readonly number[])[])[],
  similarities?: number[],
) {
  const metrics = taskMetrics(task);
  for (const vectors of batches) {
    const numbers = Array.from({ length: vectors.length / 2 }, (_, index) => index);
    const columns = int32(...numbers);
    const given: Target = {
      dtype: "float32",
      shape: [numbers.length],
      data: Float32Array.from(similarities ?? []),
    };
    const targets = {
      anchor_rows: int32(...numbers.map((each) => 2 * each)),
      candidate_rows: int32(...numbers.map((each) => 2 * each + 1)),
      positive_columns: columns,
      candidate_columns: columns,
      similarities: given,
    };
    const batch = { lengths: new Int32Array(vectors.length).fill(3), targets };
    const embeddings = { shape: [vectors.length, 2], data: Float32Array.from(vectors.flat()) };
    metrics.add({ batch, examples: numbers }, { embeddings });
  }
  return metrics.finish();
}

describe("metrics of sentence-embedding", () => {
  test("the rank is counted among the candidates of all batches", () => {
    const near = [
      [1, 0],
      [1, 0.1],
    ];
    // Its own text is behind that of the first pair.
    const far = [
      [1, 0],
      [0, 1],
    ];
    const { metrics, primary } = evaluate(ranking("cosine"), [near, far]);
    expect(primary).toBe("mrr_at_10");
    expect(metrics).toMatchObject({ mrr_at_10: 0.75, recall_at_1: 0.5, recall_at_10: 1 });
    expect(metrics["ndcg_at_10"]).toBeCloseTo((1 + 1 / Math.log2(3)) / 2, 12);
    // Each batch has one candidate, which is the anchor's own.
    expect(metrics["loss"]).toBeCloseTo(0, 12);
  });

  test("beyond the tenth place nothing counts", () => {
    const others = Array.from({ length: 10 }, () => [
      [0, 1],
      [1, 0.2],
    ]).flat();
    const { metrics } = evaluate(ranking("cosine"), [[[1, 0], [0.1, 1], ...others]]);
    // The first pair's text is nearest to the other anchors; their own are as near as each other, and none comes before another.
    expect(metrics).toMatchObject({ mrr_at_10: (10 * 0.5) / 11, recall_at_1: 0, recall_at_10: 10 / 11 });
  });

  test("the loss is the cross entropy of each batch, by the similarity that is asked for", () => {
    const vectors = [
      [1, 0],
      [2, 0],
      [0, 1],
      [0, 3],
    ];
    const dots = evaluate(ranking("dot", 0.5), [vectors]).loss!;
    expect(dots).toBeCloseTo((Math.log(1 + Math.exp(-1)) + Math.log(1 + Math.exp(-1.5))) / 2, 12);
    const cosines = evaluate(ranking("cosine", 20), [vectors]).loss!;
    expect(cosines).toBeCloseTo(Math.log(1 + Math.exp(-20)), 12);
  });

  test("losses of several sizes are added up, ranks are those of the largest", () => {
    const vectors = [
      [1, 0],
      [1, 1],
      [0, 1],
      [0, 1],
    ];
    const one = (dimensions: number[]) => evaluate({ ...ranking("dot"), dimensions }, [vectors]);
    expect(one([2, 1]).loss).toBeCloseTo(one([2]).loss! + one([1]).loss!, 12);
    expect(one([2, 1]).metrics["mrr_at_10"]).toBe(one([2]).metrics["mrr_at_10"]);
  });

  test("vectors that are not finite are behind all others", () => {
    const { metrics } = evaluate(ranking("cosine"), [
      [
        [Number.NaN, 0],
        [0, 1],
        [1, 0],
        [1, 0],
      ],
    ]);
    expect(metrics).toMatchObject({ loss: null, mrr_at_10: (1 / 3 + 1) / 2 });
  });

  test("cosines follow the similarities that were given", () => {
    const task: SentenceEmbeddingTask = { ...ranking("cosine"), loss: { name: "cosine-similarity" } };
    const vectors = [
      [2, 0],
      [5, 0],
      [1, 0],
      [0, 1],
      [1, 0],
      [-3, 0],
    ];
    const { loss, metrics, primary } = evaluate(task, [vectors], [0.5, 0.25, -0.5]);
    expect(primary).toBe("spearman");
    expect(loss).toBeCloseTo((0.5 ** 2 + 0.25 ** 2 + 0.5 ** 2) / 3, 12);
    expect(metrics["spearman"]).toBeCloseTo(1, 12);
    // scipy.stats.pearsonr([0.5, 0.25, -0.5], [1, 0, -1])
    expect(metrics["pearson"]).toBeCloseTo(0.960768922830523, 12);
  });
});
