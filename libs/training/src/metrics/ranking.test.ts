import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { RankingTally, ranksOf } from "./ranking.ts";

describe("RankingTally", () => {
  test("several relevant documents per query: sentence-transformers' numbers (tools/oracles/retrieval_metrics.py)", () => {
    const file = new URL("../../fixtures/retrieval-metrics.json", import.meta.url);
    const { scores, relevant, metrics } = JSON.parse(readFileSync(file, "utf8")) as {
      readonly scores: readonly (readonly number[])[];
      readonly relevant: readonly (readonly number[])[];
      readonly metrics: Readonly<Record<string, number>>;
    };
    const tally = new RankingTally();
    scores.forEach((row, query) => tally.add(ranksOf(row, relevant[query]!)));
    expect(Object.keys(tally.metrics)).toEqual(Object.keys(metrics));
    for (const [name, value] of Object.entries(metrics)) expect(tally.metrics[name], name).toBeCloseTo(value, 12);
  });

  test("without queries nothing is defined", () => {
    expect(new RankingTally().metrics).toMatchObject({ mrr_at_10: null, ndcg_at_10: null });
  });
});

describe("ranksOf()", () => {
  test("of equal scores the first is first, and a score that is not finite is last", () => {
    expect(ranksOf([0.5, 1, 0.5, Number.NaN], [0, 1, 2, 3])).toEqual([2, 1, 3, 4]);
  });
});
