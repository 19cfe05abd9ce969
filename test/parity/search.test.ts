/**
 * @file A search is its runs: each gives the bytes that it gives alone, however many run at once, and whether or not the search was
 * stopped meanwhile. On ONNX Runtime, with stages in this process.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Trial } from "../../apps/server/src/jobs/searchSchema.ts";
import { train } from "../../apps/server/src/search/train.ts";
import type { JobEvent } from "../../apps/server/src/training/runJob.ts";
import { trainingSettingsSchema, type TrainingSettingsInput } from "../../apps/server/src/training/trainingSettings.ts";
import { openLocalPipeline } from "../harness/openLocalPipeline.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-search-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const newFolder = () => mkdtempSync(join(scratch, "run-"));
const [data, dev] = [join(scratch, "train.jsonl"), join(scratch, "dev.jsonl")];
beforeAll(() => {
  writeToyTexts(data, 24, 1);
  writeToyTexts(dev, 8, 2);
});

/** Six steps in two epochs; of several evaluations of one value the first is the best. */
const hyperparameters = { n_epochs: 2, batch_size: 8, micro_batches: 2, dropout: 0.1, metric_for_best_model: "loss" };
const settingsOf = (given: Partial<TrainingSettingsInput>) =>
  trainingSettingsSchema.parse({
    model: tinyEncoder,
    data: { path: data },
    ...(given.search?.folds === undefined ? { evaluation_data: { path: dev } } : {}),
    threads: 1,
    ...given,
    hyperparameters: { ...hyperparameters, ...given.hyperparameters },
  });

type RunOptions = {
  readonly folder?: string;
  readonly onEvent?: (event: JobEvent) => void;
  readonly signal?: AbortSignal;
};

async function run(given: Partial<TrainingSettingsInput>, { folder = newFolder(), ...options }: RunOptions = {}) {
  const events: JobEvent[] = [];
  const result = await train(settingsOf(given), {
    folder,
    openPipeline: openLocalPipeline,
    signal: options.signal,
    onEvent(event) {
      events.push(event);
      options.onEvent?.(event);
    },
  });
  const trials = result.status === "succeeded" ? (result.trials ?? []) : [];
  return { folder, result, events, trials };
}

const modelOf = (folder: string) => readFileSync(join(folder, "model", "model.safetensors"));
/** The times at which runs were at work differ, and nothing else. */
const withoutTimes = (trials: readonly Trial[]) =>
  trials.map((trial) => ({ ...trial, runs: trial.runs.map(({ intervals: _, ...rest }) => rest) }));

const rates = [1e-5, 1e-3, 3e-3];
const grid = { space: { learning_rate: rates }, parallel: 2 };

describe("a search", () => {
  test("keeps the bytes that its best trial gives alone, and overlaps runs", async () => {
    const { folder, trials, events } = await run({ search: grid });
    const [best] = trials.toSorted((a, b) => a.score! - b.score!);
    const alone = await run({ hyperparameters: { learning_rate: rates[best!.number - 1]! } });
    expect(modelOf(folder).equals(modelOf(alone.folder))).toBe(true);
    const spans = trials.map(({ runs }) => runs[0]!.intervals[0]!);
    expect(spans[1]!.started_at).toBeLessThan(spans[0]!.ended_at!);
    expect(spans[0]!.started_at).toBeLessThan(spans[1]!.ended_at!);
    // Of both files, from their beginnings to their ends, to find the labels and to encode.
    const read = (all: readonly JobEvent[]) => all.filter(({ type }) => type === "reading").length;
    expect(read(events)).toBe(read(alone.events));
  });

  test("has the scores of the runs alone, one at a time or three", async () => {
    const [one, three] = [
      await run({ search: { ...grid, parallel: 1 } }),
      await run({ search: { ...grid, parallel: 3 } }),
    ];
    expect(withoutTimes(one.trials)).toEqual(withoutTimes(three.trials));
    for (const [index, rate] of rates.entries()) {
      const { result } = await run({ hyperparameters: { learning_rate: rate } });
      expect(result).toMatchObject({ summary: { best: { value: one.trials[index]!.score } } });
    }
  });

  test("that is stopped again and again ends as one that is not", async () => {
    const whole = await run({ search: grid });
    const folder = newFolder();
    let [stops, last] = [0, await stopAfter(3, folder)];
    for (; last.result.status === "stopped" && stops < 20; stops++) last = await stopAfter(3, folder);
    expect(stops).toBeGreaterThan(3);
    expect(withoutTimes(last.trials)).toEqual(withoutTimes(whole.trials));
    expect(modelOf(folder).equals(modelOf(whole.folder))).toBe(true);
  });

  /** Stops when so many steps were made. */
  function stopAfter(steps: number, folder: string) {
    const stopping = new AbortController();
    let made = 0;
    const onEvent = ({ type }: JobEvent) => {
      if (type === "searchStep" && ++made === steps) stopping.abort("shutdown");
    };
    return run({ search: grid }, { folder, onEvent, signal: stopping.signal });
  }

  test("of heads on a frozen encoder computes its features once", async () => {
    const head = { freeze: ["base_model"], cache_features: true, dropout: 0 };
    const { events, folder, trials } = await run({ search: grid, hyperparameters: head });
    expect(events.filter((event) => event.type === "caching" && event.done === event.total)).toHaveLength(1);
    const [best] = trials.toSorted((a, b) => a.score! - b.score!);
    const alone = await run({ hyperparameters: { ...head, learning_rate: rates[best!.number - 1]! } });
    expect(modelOf(folder).equals(modelOf(alone.folder))).toBe(true);
  });

  test("goes on when a trial cannot be trained, and says which and why", async () => {
    const { trials, result } = await run({
      search: { space: { batch_size: [4, 64] } },
      hyperparameters: { batch_size: "auto" },
    });
    expect(result.status).toBe("succeeded");
    expect(trials.map(({ status }) => status)).toEqual(["finished", "failed"]);
    expect(trials[1]!.runs[0]!.error).toMatch(/as many examples as a batch has \(64\), got 24/);
  });

  test("fails when no trial can be trained", async () => {
    const search = { space: { batch_size: [64, 128] } };
    await expect(run({ search, hyperparameters: { batch_size: "auto" } })).rejects.toThrow(
      /expected a trial that can be trained, got 2 that failed of 2, the first one \(batch_size 64\) with: .*got 24/s,
    );
  });

  test("has nothing to compare trials by without data to evaluate on", () => {
    expect(() => settingsOf({ search: grid, evaluation_data: undefined })).toThrow(
      "expected data to compare trials by, got none (give a file to evaluate on, a validation split, or folds)",
    );
  });
});

describe("successive halving", () => {
  const search = { strategy: "successive-halving" as const, trials: 4, reduction_factor: 2, space: grid.space };

  test("trains the best ones on, to the bytes that they give alone", async () => {
    const space = { learning_rate: { min: 1e-5, max: 3e-3, scale: "log" as const } };
    const { folder, trials } = await run({ search: { ...search, space } });
    // 4, 2 and 1 trials up to a quarter, half and all of 6 steps.
    expect(trials.map(({ runs }) => runs[0]!.step).toSorted((a, b) => a - b)).toEqual([2, 2, 3, 6]);
    const winner = trials.find(({ status }) => status === "finished")!;
    expect(trials.filter(({ status }) => status === "stopped")).toHaveLength(3);
    const scores = trials.map(({ runs }) => runs[0]!.evaluations[0]!.value!);
    expect(scores.indexOf(Math.min(...scores))).toBe(winner.number - 1);
    const alone = await run({ hyperparameters: { learning_rate: winner.hyperparameters["learning_rate"] as number } });
    expect(modelOf(folder).equals(modelOf(alone.folder))).toBe(true);
  });

  test("of a space with fewer points than trials has all of them", async () => {
    const { trials } = await run({ search });
    expect(
      trials.map(({ hyperparameters: each }) => each["learning_rate"] as number).toSorted((a, b) => a - b),
    ).toEqual(rates);
  });
});

describe("a cross-validation", () => {
  test("evaluates on each example once, and trains the model on all of them", async () => {
    const { folder, trials, result } = await run({ search: { folds: 3, space: { learning_rate: [1e-3] } } });
    const [trial] = trials;
    expect(trial!.runs.map(({ total_steps: steps, status }) => [steps, status])).toEqual([
      [4, "finished"],
      [4, "finished"],
      [4, "finished"],
    ]);
    const values = trial!.runs.map(({ value }) => value!);
    const mean = values.reduce((sum, value) => sum + value, 0) / 3;
    expect(trial!.score).toBeCloseTo(mean, 12);
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2;
    expect(trial!.deviation).toBeCloseTo(Math.sqrt(variance), 12);
    // As a run without evaluations: 24 examples, 6 steps.
    const alone = trainingSettingsSchema.parse({
      ...settingsOf({ search: { folds: 2 } }),
      search: undefined,
      hyperparameters: { ...hyperparameters, metric_for_best_model: undefined, learning_rate: 1e-3 },
    });
    const other = newFolder();
    await train(alone, { folder: other, openPipeline: openLocalPipeline });
    expect(result).toMatchObject({ summary: { step: 6 } });
    expect(modelOf(folder).equals(modelOf(other))).toBe(true);
  });

  test("of several trials keeps the best one by the mean of its folds", async () => {
    const { trials, folder } = await run({ search: { folds: 3, space: { learning_rate: [1e-5, 3e-3] } } });
    expect(trials[1]!.score).toBeLessThan(trials[0]!.score!);
    const card = readFileSync(join(folder, "model", "README.md"), "utf8");
    expect(card).toContain("The best of 2 trials (grid) by loss had learning_rate 0.003.");
    expect(
      readFileSync(join(folder, "model", "trials.csv"), "utf8")
        .trim()
        .split("\n"),
    ).toHaveLength(1 + 2 * 3);
  });
});
