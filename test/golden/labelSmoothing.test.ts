/**
 * @file Smoothed labels against torch.nn.CrossEntropyLoss, with and without class weights: loss and gradients, on every engine.
 *
 * Expected values: test/fixtures/label-smoothing.json (tools/oracles/label_smoothing.py).
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { engines } from "./engines.ts";
import { openHeadLoss } from "./headLoss.ts";

type Case = {
  readonly weighted: boolean;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
};
const { labelSmoothing, cases } = JSON.parse(readFileSync(`${fixtures}label-smoothing.json`, "utf8")) as {
  readonly labelSmoothing: number;
  readonly cases: readonly Case[];
};

describe.each(Object.keys(engines))("smoothed labels on %s", (engineName) => {
  test.each(cases)("weighted: $weighted", async ({ weighted, loss, gradients }) => {
    const head = await openHeadLoss(engineName, { weighted, taskOf: (own) => ({ ...own, labelSmoothing }) });
    expect(await head.lossError(head.batch, { loss })).toBeLessThan(1e-6);
    expect(await head.gradientError(gradients)).toBeLessThan(1e-6);
    await head.close();
  });
});
