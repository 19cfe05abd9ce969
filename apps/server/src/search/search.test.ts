import { describe, expect, test } from "vitest";
import { searchSummary, trialLine } from "../cli/searchLines.ts";
import { settingsOf } from "../cli/trainFlags.ts";
import { ranked } from "../jobs/trialRanking.ts";
import { searchSchema, type Search, type Trial, type TrialRun } from "../jobs/searchSchema.ts";
import { trialsCsv } from "../jobs/trialReport.ts";
import { trainingRequestSchema } from "../jobs/trainingRequest.ts";
import type { TrainingJobResult } from "../training/runJob.ts";
import { trainingSettingsSchema } from "../training/trainingSettings.ts";
import { inParallel } from "./inParallel.ts";
import {
  newTrial,
  pointsOf,
  roundsOf,
  settingsOfAll,
  settingsOfTrial,
  summarized,
  type SearchedSettings,
} from "./trials.ts";

const list = (length: number) => Array.from({ length }, (_, index) => (index + 1) / 1e4);

const searched = (search: object, given: object = {}): SearchedSettings => {
  const evaluated = "folds" in search ? {} : { evaluation_data: { path: "b.jsonl" } };
  return trainingSettingsSchema.parse({
    data: { path: "a.jsonl" },
    ...evaluated,
    search,
    ...given,
  }) as SearchedSettings;
};

function trialOf(number: number, values: readonly (number | null)[], given: Partial<TrialRun> = {}): Trial {
  const trial = newTrial(number, { learning_rate: number * 1e-5 }, values.length === 1 ? undefined : values.length);
  const runs = trial.runs.map((run, at) => ({ ...run, status: "finished" as const, value: values[at]!, ...given }));
  return summarized({ ...trial, metric: "accuracy", runs });
}

describe("what a search asks for", () => {
  const problemOf = (search: object, request: object = {}) => {
    // Half of these are about something else than what trials are compared by.
    const validated = "folds" in search || "bare" in request ? {} : { hyperparameters: { validation_split: 0.1 } };
    const { bare: _, ...given } = request as { readonly bare?: true };
    const method = { type: "supervised", supervised: { search, ...validated, ...given } };
    const { error } = trainingRequestSchema.safeParse({ model: "m", training_file: "f", method });
    return error?.issues.map(({ path, message }) => `${path.slice(2).join(".")}: ${message}`).join("\n");
  };
  const space = { learning_rate: [1e-5, 3e-5] };

  test.each([
    ["nothing to vary", {}, {}, "search.space: expected hyper-parameters to vary, or folds, got neither"],
    [
      "an unknown name",
      { space: { learning_rat: [1] } },
      {},
      'unknown hyper-parameter (did you mean "learning_rate"?)',
    ],
    ["a value that is none", { space: { batch_size: [8, 0] } }, {}, "search.space.batch_size: 0: "],
    [
      "a bound that is none",
      { strategy: "random", space: { learning_rate: { min: 1e-5, max: 3 } } },
      {},
      "3: expected a learning rate of at most 1",
    ],
    [
      "a range upside down",
      { strategy: "random", space: { dropout: { min: 0.5, max: 0.1 } } },
      {},
      "search.space.dropout: expected min below max",
    ],
    [
      "a logarithm of 0",
      { strategy: "random", space: { dropout: { min: 0, max: 0.1, scale: "log" } } },
      {},
      "expected min above 0 for a logarithmic range",
    ],
    [
      "a grid of a range",
      { space: { dropout: { min: 0, max: 0.1 } } },
      {},
      "expected lists of values for a grid, got a range",
    ],
    ["trials of a grid", { space, trials: 3 }, {}, "search.trials: a grid has as many as it has combinations"],
    ["a factor of nothing", { space, reduction_factor: 3 }, {}, "it says nothing without successive-halving"],
    ["halving of folds", { space, strategy: "successive-halving", folds: 3 }, {}, "got successive-halving"],
    ["what trials are compared by", { space: { validation_split: [0.1, 0.2] } }, {}, "they could not be compared"],
    [
      "one value and several",
      { space },
      { hyperparameters: { learning_rate: 1e-5 } },
      "learning_rate: expected it to vary, or one value",
    ],
    [
      "folds and a split",
      { folds: 3 },
      { hyperparameters: { validation_split: 0.1 } },
      "they say nothing beside validation_split",
    ],
    ["nothing to compare trials by", { space }, { bare: true }, "search: expected data to compare trials by"],
    [
      "more trials than anybody waits for",
      { space: { learning_rate: list(1000), weight_decay: list(11) } },
      {},
      "expected at most 10000 combinations, got 11000",
    ],
    ["an unknown field", { space, fold: 3 }, {}, 'unknown "fold" (did you mean "folds"?)'],
  ])("refuses %s", (...[, search, request, message]) => {
    expect(problemOf(search, request)).toContain(message);
  });

  test("takes a grid, folds, and ranges at random", () => {
    expect(problemOf({ space })).toBeUndefined();
    expect(problemOf({ folds: 5 })).toBeUndefined();
    expect(problemOf({ space: { n_epochs: { min: 1, max: 4 } }, strategy: "random" })).toBeUndefined();
  });

  test("is read from flags: lists, ranges, names of flags and of fields", () => {
    const { search } = settingsOf({
      data: "a.jsonl",
      evalData: "b.jsonl",
      vary: [
        "learning-rate=1e-5,3e-5",
        "epochs=1,2",
        "lr_scheduler=linear,cosine",
        "dropout=0..0.3",
        "weight-decay=1e-3..1e-1:log",
        "recompute=true,false",
      ],
      search: "random",
      trials: 4,
    });
    expect(search).toEqual({
      strategy: "random",
      trials: 4,
      space: {
        learning_rate: [1e-5, 3e-5],
        n_epochs: [1, 2],
        lr_scheduler: ["linear", "cosine"],
        dropout: { min: 0, max: 0.3, scale: "linear" },
        weight_decay: { min: 1e-3, max: 1e-1, scale: "log" },
        recompute: [true, false],
      },
    });
  });

  test.each([
    [{ vary: ["learning-rate"] }, "--vary: expected name=value,value or name=min..max[:log], got learning-rate"],
    [{ vary: ["batch-size=8", "batch_size=16"] }, "--vary: expected each hyper-parameter once, got batch_size twice"],
    [{ trials: 3 }, "--trials: it says nothing without --vary or --folds"],
    [{ search: "random" }, "--search: it says nothing without --vary or --folds"],
    [{ vary: ["learning-rat=1"] }, '--vary learning_rat: unknown hyper-parameter (did you mean "learning_rate"?)'],
    [{ vary: ["batch-size=8"], folds: 1 }, "--folds: "],
    [{ vary: ["learning-rate=1e-5"], learningRate: 1e-5 }, "--vary: learning_rate: expected it to vary, or one value"],
  ])("flags that are wrong are named: %j", (flags, message) => {
    expect(() => settingsOf({ data: "a.jsonl", ...flags })).toThrow(message);
  });
});

describe("the trials of a search", () => {
  test("have the settings of all, and each its own", () => {
    const settings = searched({ space: { batch_size: [8, 16], seed: [1, 2] } }, { hyperparameters: { n_epochs: 2 } });
    const all = pointsOf(settings).map((point) => settingsOfTrial(settings, point));
    expect(all.map(({ seed, hyperparameters }) => [seed, hyperparameters])).toEqual([
      [1, { n_epochs: 2, batch_size: 8 }],
      [2, { n_epochs: 2, batch_size: 8 }],
      [1, { n_epochs: 2, batch_size: 16 }],
      [2, { n_epochs: 2, batch_size: 16 }],
    ]);
    expect(all.every((each) => each.search === undefined)).toBe(true);
  });

  test("a choice that cannot be is named before anything is trained", () => {
    const settings = searched({ space: { warmup_ratio: [0.1], warmup_steps: [5] } });
    expect(() => pointsOf(settings).map((point) => settingsOfTrial(settings, point))).toThrow(
      "the trial with warmup_ratio 0.1, warmup_steps 5: warmup_ratio: expected this or warmup_steps, got both",
    );
  });

  test("ranges of whole numbers give whole numbers, others do not", () => {
    const space = { batch_size: { min: 8, max: 64 }, dropout: { min: 0, max: 0.5 } };
    for (const point of pointsOf(searched({ strategy: "random", space, trials: 20 }))) {
      expect(Number.isInteger(point["batch_size"])).toBe(true);
      expect(Number.isInteger(point["dropout"])).toBe(false);
    }
  });

  test("are trained in one round, or in those of successive halving", () => {
    const of = (search: object) =>
      roundsOf(searchSchema.parse(search) satisfies Search, 9).map(({ numTrials }) => numTrials);
    const space = { batch_size: [1] };
    expect(of({ space })).toEqual([9]);
    expect(of({ space, strategy: "successive-halving" })).toEqual([9, 3, 1]);
    expect(of({ space, strategy: "successive-halving", reduction_factor: 2 })).toEqual([9, 4, 2, 1]);
  });

  test("are scored by the mean of their folds, once all are there, with the deviation of a sample", () => {
    expect(trialOf(1, [0.5, 0.7, 0.9])).toMatchObject({
      score: expect.closeTo(0.7, 12) as number,
      deviation: expect.closeTo(0.2, 12) as number,
    });
    expect(trialOf(1, [0.5, null, 0.9])).toMatchObject({ score: null, deviation: null });
    expect(trialOf(1, [0.5])).toMatchObject({ score: 0.5, deviation: null });
  });

  test("are ranked by their score, the lower number first among equals, without those that failed", () => {
    const trials = [
      trialOf(1, [0.5]),
      trialOf(2, [0.9], { status: "failed" }),
      trialOf(3, [0.7]),
      trialOf(4, [0.7]),
      trialOf(5, [null]),
    ];
    expect(ranked(trials).map(({ number }) => number)).toEqual([3, 4, 1]);
    const losses = trials.map((trial) => ({ ...trial, metric: "loss" }));
    expect(ranked(losses).map(({ number }) => number)).toEqual([1, 3, 4]);
  });

  test("the last run of folds that stopped early has as many steps as they had, for its larger data", () => {
    const settings = searched(
      { folds: 4 },
      { hyperparameters: { early_stopping_patience: 2, eval_steps: 10, n_epochs: 9 } },
    );
    const best = {
      ...trialOf(1, [0.5, 0.5, 0.5, 0.5]),
      runs: [20, 30, 40, 30].map((step) => ({ ...trialOf(1, [0.5]).runs[0]!, best_step: step })),
    };
    expect(settingsOfAll(settings, best).hyperparameters).toEqual({ n_epochs: 9, max_steps: 40 });
    const warm = searched({ folds: 4 }, { hyperparameters: { early_stopping_patience: 2, warmup_steps: 500 } });
    expect(settingsOfAll(warm, best).hyperparameters).toEqual({ max_steps: 40, warmup_steps: 40 });
    const plain = searched({ folds: 4 }, { hyperparameters: { eval_steps: 10, n_epochs: 9 } });
    expect(settingsOfAll(plain, best).hyperparameters).toEqual({ n_epochs: 9 });
  });
});

describe("what is shown of trials", () => {
  const trials = [
    trialOf(1, [0.5]),
    trialOf(2, [0.75]),
    trialOf(3, [null], { status: "failed", error: 'loss is "NaN"' }),
  ];

  test("a line for each that is over", () => {
    expect(trialLine(trials[1]!, true)).toBe("trial 2 (learning_rate 0.00002): accuracy 0.7500 (best so far)");
    expect(trialLine(trials[2]!, false)).toBe('trial 3 (learning_rate 0.000030000000000000004) failed: loss is "NaN"');
    expect(trialLine(summarized(newTrial(4, {}, undefined)), false)).toBeNull();
  });

  test("a table in the terminal, the best first", () => {
    const summary = { status: "finished", test: null };
    const result = { status: "succeeded", trials, summary, settings: searched({ folds: 2 }) };
    const text = searchSummary(
      result as unknown as Extract<TrainingJobResult, { status: "succeeded" }> & { trials: Trial[] },
      "out/",
    );
    expect(text).toMatch(
      /trial +learning_rate +accuracy +steps +seconds +state\n +2 +0.00002 +0.7500 .*\n +1 +0.00001 +0.5000 .*\n +3 .* failed/,
    );
    expect(text).toContain("stagecoach serve --model out/model");
  });

  test("rows for each run as CSV, with what went wrong", () => {
    const [header, ...rows] = trialsCsv(trials).trim().split("\n");
    expect(header).toBe("trial,fold,learning_rate,status,score,value,best_step,steps,seconds,error");
    expect(rows[1]).toBe("2,,0.00002,finished,0.75,0.75,,0,0,");
    expect(rows[2]).toMatch(/,failed,.*,"loss is ""NaN"""$/);
  });
});

describe("work in parallel", () => {
  test("is as many at a time as was asked for, in order", async () => {
    const [begun, running] = [[] as number[], { now: 0, most: 0 }];
    await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item);
      running.most = Math.max(running.most, ++running.now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running.now--;
    });
    expect([begun, running.most]).toEqual([[1, 2, 3, 4, 5], 2]);
  });

  test("begins nothing more after a failure, and waits for what it has begun", async () => {
    const ended: number[] = [];
    const work = inParallel([1, 2, 3, 4], 2, async (item) => {
      if (item === 1) throw new Error("no");
      await new Promise((resolve) => setTimeout(resolve, 10));
      ended.push(item);
    });
    await expect(work).rejects.toThrow("no");
    expect(ended).toEqual([2]);
  });
});
