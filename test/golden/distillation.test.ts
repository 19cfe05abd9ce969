/**
 * @file A teacher's softened logits beside labels against PyTorch, with and without class weights: loss, its parts and gradients, on every
 * engine.
 *
 * Expected values: test/fixtures/distillation.json (tools/oracles/distillation.py).
 */
import type { Target } from "@stagecoach/transformer";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { engines } from "./engines.ts";
import { openHeadLoss } from "./headLoss.ts";

type Case = {
  readonly weighted: boolean;
  readonly temperature: number;
  readonly alpha: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
};
const { teacherLogits, cases } = JSON.parse(readFileSync(`${fixtures}distillation.json`, "utf8")) as {
  readonly teacherLogits: readonly (readonly number[])[];
  readonly cases: readonly Case[];
};

describe.each(Object.keys(engines))("a teacher's logits on %s", (engineName) => {
  test.each(cases)("T $temperature, alpha $alpha, weighted: $weighted", async (expected) => {
    const { weighted, temperature, alpha, gradients } = expected;
    const head = await openHeadLoss(engineName, { weighted, distillation: { temperature, alpha } });
    const [B, C] = [teacherLogits.length, head.task.numLabels];
    const teacher_logits: Target = { dtype: "float32", shape: [B, C], data: Float32Array.from(teacherLogits.flat()) };
    const batch = { ...head.batch, targets: { ...head.batch.targets, teacher_logits } };
    const scales = { labels: 1 / batch.counts["labels"]!, teacher: 1 / B };
    const outputs = await head.stage.forward(batch, { microBatch: 0, numMicroBatches: 1, scales });
    const numbers = ["loss", "loss.labels", "loss.teacher"].map((name) => outputs[name]!.data[0]!);
    const { labels, teacher } = expected.parts;
    expect(largestError(numbers, [expected.loss, labels!, teacher!])).toBeLessThan(1e-6);
    await head.expectGradients(gradients);
    await head.close();
  });
});
