/**
 * @file What a teacher says beside labels against PyTorch: softened logits of classes, of several labels and of tokens, and hidden states. Loss, its
 * parts and gradients, on every engine.
 *
 * Expected values: test/fixtures/distillation.json (tools/oracles/distillation.py).
 */
import type { HiddenLossName, Target, Task, TrainingBatch } from "@stagecoach/transformer";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { engines } from "./engines.ts";
import { openHeadLoss } from "./headLoss.ts";

type Expected = {
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
};
type Softened = { readonly temperature: number; readonly alpha: number };
type LogitCase = Expected & Softened & { readonly weighted: boolean };
type LabelCase = Expected &
  Softened & {
    readonly kind: "multiLabel" | "tags";
    readonly weighted?: boolean;
    readonly labels: readonly number[];
    /** Of the packed batch, for tags. */
    readonly rows?: readonly number[];
    readonly teacherLogits: readonly (readonly number[])[];
  };
type HiddenCase = Expected & {
  readonly hiddenLoss: HiddenLossName;
  readonly weight: number;
  readonly size: number;
  readonly states: readonly { readonly student: number; readonly teacher: number }[];
  readonly teacherStates: readonly number[];
  readonly projections: readonly (readonly number[])[];
  readonly projectionGradients: readonly (readonly number[])[];
};
const fixture = JSON.parse(readFileSync(`${fixtures}distillation.json`, "utf8")) as {
  readonly teacherLogits: readonly (readonly number[])[];
  readonly cases: readonly LogitCase[];
  readonly labels: readonly LabelCase[];
  readonly hidden: readonly HiddenCase[];
};

const float32 = (data: readonly number[], shape: readonly number[]) =>
  ({ dtype: "float32", shape, data: Float32Array.from(data) }) satisfies Target;
const int32 = (data: readonly number[]): Target => ({
  dtype: "int32",
  shape: [data.length],
  data: Int32Array.from(data),
});
const rows = (values: readonly (readonly number[])[]) => float32(values.flat(), [values.length, values[0]!.length]);

describe.each(Object.keys(engines))("a teacher on %s", (engineName) => {
  test.each(fixture.cases)("logits: T $temperature, alpha $alpha, weighted: $weighted", async (expected) => {
    const { weighted, temperature, alpha } = expected;
    const taskOf = (own: Task) => ({ ...own, distillation: { temperature, alpha } }) as Task;
    const head = await openHeadLoss(engineName, { weighted, taskOf });
    const { batch } = head;
    const targets = { ...batch.targets, teacher_logits: rows(fixture.teacherLogits) };
    expect(await head.lossError({ ...batch, targets, counts: { ...batch.counts, teacher: 3 } }, expected)).toBeLessThan(
      1e-6,
    );
    expect(await head.gradientError(expected.gradients)).toBeLessThan(1e-6);
    await head.close();
  });

  test.each(fixture.labels)("logits of $kind: T $temperature, alpha $alpha", async (expected) => {
    const { kind, labels, temperature, alpha, weighted = false } = expected;
    const distillation = { temperature, alpha };
    const head = await openHeadLoss(engineName, {
      weighted,
      taskOf: (own) =>
        kind === "multiLabel"
          ? { ...own, problemType: "multi_label_classification", distillation }
          : { ...own, name: "token-classification", distillation },
    });
    const teacher_logits = rows(expected.teacherLogits);
    const counted = labels.reduce((sum, label) => sum + (weighted ? head.classWeights[label]! : 1), 0);
    const asked: Pick<TrainingBatch, "targets" | "counts"> =
      kind === "multiLabel"
        ? { targets: { labels: float32(labels, [3, 3]), teacher_logits }, counts: { labels: 9, teacher: 9 } }
        : {
            targets: { labels: int32(labels), label_rows: int32(expected.rows!), teacher_logits },
            counts: { labels: counted, teacher: labels.length },
          };
    expect(await head.lossError({ ...head.batch, ...asked }, expected)).toBeLessThan(1e-6);
    expect(await head.gradientError(expected.gradients)).toBeLessThan(1e-6);
    await head.close();
  });

  const hidden = fixture.hidden.map((each) => ({ ...each, numStages: each.projections.length > 0 ? 2 : 1 }));
  test.each(hidden)("hidden states: $hiddenLoss of $size values, $numStages stages", async (expected) => {
    const { states, size, weight, numStages, hiddenLoss: loss } = expected;
    const nameOf = (place: number) => `distillation.projection.${states[place]!.student}.weight`;
    const named = (values: readonly (readonly number[])[]) =>
      Object.fromEntries(values.map((each, place) => [nameOf(place), each] as const));
    const others = Object.entries(named(expected.projections)).map(
      ([name, values]) => [name, float32(values, [size, values.length / size])] as const,
    );
    const taskOf = (own: Task): Task => ({ ...own, hidden: { loss, weight, size, states } }) as Task;
    const head = await openHeadLoss(engineName, { taskOf, numStages, others: Object.fromEntries(others) });
    const { batch } = head;
    const T = batch.inputIds.length;
    const targets = { ...batch.targets, teacher_states: float32(expected.teacherStates, [T, states.length * size]) };
    expect(await head.lossError({ ...batch, targets, counts: { ...batch.counts, hidden: T } }, expected)).toBeLessThan(
      1e-6,
    );
    expect(await head.gradientError({ ...expected.gradients, ...named(expected.projectionGradients) })).toBeLessThan(
      1e-6,
    );
    await head.close();
  });
});

test("the fixture has a case with a projection, and one of each loss", () => {
  expect(fixture.hidden.map(({ hiddenLoss, projections }) => [hiddenLoss, projections.length])).toEqual([
    ["mse", 3],
    ["mse", 0],
    ["cosine", 0],
  ]);
});
