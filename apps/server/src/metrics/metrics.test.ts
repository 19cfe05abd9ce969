/** @file Series that come and go, and levels that are sums. */
import { describe, expect, test } from "vitest";
import { Metrics } from "./metrics.ts";

const newMetrics = () => new Metrics({ version: "0", numStages: 1, numReplicas: 2 });

/** As after a request in one micro-batch. */
function observe(metrics: Metrics, model: string): void {
  const timings = { tokenizationMs: 1, queueMs: 1, inferenceMs: 1 };
  metrics.observeRequest({ model, numTokens: 3, numTruncated: 0, timings });
  const result = { shape: [1, 4], data: new Float32Array(4), timings: [], replica: 1 };
  metrics.observeMicroBatch(model, { texts: 1, tokens: 3, paddedTokens: 3, queueMs: [1], inferenceMs: 1, result });
}

describe("Metrics.forgetModel()", () => {
  test("leaves no series of the model, and all of the others", async () => {
    const metrics = newMetrics();
    observe(metrics, "kept");
    const before = await metrics.text();
    observe(metrics, "gone");
    expect(await metrics.text()).toContain('"gone"');
    metrics.forgetModel("gone");
    const names = (text: string) => text.split("\n").filter((line) => line.includes('model="'));
    expect(names(await metrics.text())).toEqual(names(before));
  });
});

describe("Metrics.watchQueue()", () => {
  test("shows the sum of all queues", async () => {
    const metrics = newMetrics();
    expect(await metrics.text()).toMatch(/^stagecoach_queue_texts 0$/m);
    metrics.watchQueue(() => ({ texts: 2, tokens: 30 }));
    metrics.watchQueue(() => ({ texts: 1, tokens: 4 }));
    const text = await metrics.text();
    expect(text).toMatch(/^stagecoach_queue_texts 3$/m);
    expect(text).toMatch(/^stagecoach_queue_tokens 34$/m);
  });
});
