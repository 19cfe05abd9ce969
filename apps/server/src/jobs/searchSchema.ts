/**
 * @file A search over hyper-parameters, or a cross-validation: what a job asks for with `search`, and what it tells of its trials.
 *
 * A trial is one choice of hyper-parameters. It is one run of training, or with folds as many runs as there are folds.
 */
import { gridSize, rangeScales, type SearchSpace } from "@stagecoach/training";
import { z } from "zod";
import { closestName } from "../config/closestName.ts";
import { hyperparametersSchema, type Hyperparameters } from "./hyperparameters.ts";
import { knownKeys } from "./knownKeys.ts";

export const searchStrategies = ["grid", "random", "successive-halving"] as const;

const MAX_TRIALS = 10_000;
const count = z.int().min(1);

/** Trials with different ones of these could not be compared. */
const fixed = ["validation_split", "test_split", "metric_for_best_model", "bad_rows", "logging_steps"] as const;

const range = knownKeys({
  min: z.number(),
  max: z.number(),
  scale: z.enum(rangeScales).default("linear").meta({ description: "log: as many values in each decade" }),
})
  .refine(({ min, max }) => min < max, { error: "expected min below max" })
  .refine(({ min, scale }) => scale === "linear" || min > 0, { error: "expected min above 0 for a logarithmic range" });

const space = z
  .record(
    z.string(),
    z.union([z.array(z.unknown()).min(1).max(1000), range], {
      error: 'expected a list of values, or a range {"min", "max", "scale"}',
    }),
  )
  .superRefine((given, context) => {
    for (const [name, values] of Object.entries(given)) {
      const issues = problemsOf(name, values);
      for (const message of issues) context.addIssue({ code: "custom", path: [name], message });
    }
  })
  .meta({ description: "for each hyper-parameter to vary a list of values, or a range {min, max, scale}" });

export const searchSchema = knownKeys({
  strategy: z.enum(searchStrategies).default("grid").meta({
    description:
      "grid: every combination; random: so many trials at random; successive-halving: the same, and only the best ones are trained to their end",
  }),
  space: space.default({}),
  trials: count.max(MAX_TRIALS).optional().meta({ description: "trials of a search at random; 10 when left out" }),
  reduction_factor: z.int().min(2).max(100).optional().meta({
    description: "successive-halving: of so many trials one goes on, for so many times the steps; 3 when left out",
  }),
  folds: z.int().min(2).max(100).optional().meta({
    description:
      "cross-validation: each trial is trained so many times, each time evaluated on another part of the training data; the model is trained on all of it",
  }),
  parallel: count.max(256).optional().meta({
    description: "runs at the same time; as many as there are cores for, by one thread for each stage, when left out",
  }),
})
  .superRefine((given, context) => {
    for (const [name, message] of searchProblems(given)) context.addIssue({ code: "custom", path: [name], message });
  })
  .meta({ id: "HyperparameterSearch" });

export type Search = z.output<typeof searchSchema>;

function searchProblems({ strategy, space: given, trials, reduction_factor: factor, folds }: SearchFields) {
  const problems: [string, string][] = [];
  const isEmpty = Object.keys(given).length === 0;
  const size = gridSize(given as SearchSpace);
  if (isEmpty && folds === undefined)
    problems.push(["space", "expected hyper-parameters to vary, or folds, got neither"]);
  if (isEmpty && strategy !== "grid") problems.push(["space", `expected hyper-parameters to vary, got none`]);
  if (strategy === "grid" && size !== null && size > MAX_TRIALS)
    problems.push(["space", `expected at most ${MAX_TRIALS} combinations, got ${size} (search at random)`]);
  if (strategy === "grid" && size === null)
    problems.push(["space", "expected lists of values for a grid, got a range (search at random, or name values)"]);
  if (strategy === "grid" && trials !== undefined)
    problems.push(["trials", "a grid has as many as it has combinations (search at random to choose their number)"]);
  if (strategy !== "successive-halving" && factor !== undefined)
    problems.push(["reduction_factor", "it says nothing without successive-halving"]);
  if (strategy === "successive-halving" && folds !== undefined)
    problems.push(["folds", "expected a grid or a search at random with folds, got successive-halving"]);
  return problems;
}

type SearchFields = {
  readonly strategy: (typeof searchStrategies)[number];
  readonly space: object;
  readonly trials?: number | undefined;
  readonly reduction_factor?: number | undefined;
  readonly folds?: number | undefined;
};

type FieldName = keyof typeof hyperparametersSchema.shape;

const isField = (name: string): name is FieldName => Object.hasOwn(hyperparametersSchema.shape, name);

function problemsOf(name: string, values: SearchSpace[string]): string[] {
  if (!isField(name)) {
    const closest = closestName(name, Object.keys(hyperparametersSchema.shape));
    return [`unknown hyper-parameter${closest === null ? "" : ` (did you mean "${closest}"?)`}`];
  }
  if (fixed.some((each) => each === name)) return ["expected the same for all trials: they could not be compared"];
  const schema = hyperparametersSchema.shape[name];
  const asked = "min" in values ? [values.min, values.max] : values;
  return asked.flatMap((value) => {
    const issue = value === undefined ? null : schema.safeParse(value).error?.issues[0];
    return issue == null ? [] : [`${JSON.stringify(value)}: ${issue.message}`];
  });
}

/** Whether a hyper-parameter takes whole numbers only. */
export function isWholeNumber(name: string): boolean {
  return isField(name) && [0.5, 1.5].every((value) => !hyperparametersSchema.shape[name].safeParse(value).success);
}

const NOTHING_TO_COMPARE_BY =
  "expected data to compare trials by, got none (give a file to evaluate on, a validation split, or folds)";

/** What is wrong with a search beside the rest of a request; null where nothing is. */
export function searchProblem(
  search: Search | undefined,
  {
    hyperparameters,
    hasEvaluationFile,
  }: { readonly hyperparameters: Hyperparameters; readonly hasEvaluationFile: boolean },
): string | null {
  if (search === undefined) return null;
  const both = Object.keys(search.space).find((name) => {
    const given = hyperparameters[name as FieldName];
    return given !== undefined && given !== "auto";
  });
  if (both !== undefined) return `${both}: expected it to vary, or one value for all trials, got both`;
  const hasSplit = hyperparameters.validation_split !== undefined;
  if (search.folds === undefined) return hasEvaluationFile || hasSplit ? null : NOTHING_TO_COMPARE_BY;
  if (hasEvaluationFile) return "folds: they say nothing beside a file to evaluate on (leave one of the two out)";
  return hasSplit ? "folds: they say nothing beside validation_split (leave one of the two out)" : null;
}

const metrics = z.record(z.string(), z.number().nullable());

/** One run of a trial. Times are Unix milliseconds. */
const trialRunSchema = z.object({
  fold: z.int().nullable().meta({ description: "what it is evaluated on, from 1; null without folds" }),
  status: z.enum(["waiting", "running", "paused", "finished", "failed"]).meta({
    description: "paused: it has made the steps of a round of successive halving, and may go on",
  }),
  step: z.int(),
  total_steps: z.int().nullable(),
  value: z.number().nullable().meta({ description: "of the search's metric, at its best evaluation so far" }),
  best_step: z.int().nullable(),
  metrics: metrics.nullable().meta({ description: "of that evaluation" }),
  evaluations: z.array(z.object({ step: z.int(), value: z.number().nullable() })),
  intervals: z
    .array(z.object({ started_at: z.int(), ended_at: z.int().nullable() }))
    .meta({ description: "when it was at work, in Unix milliseconds" }),
  trained_tokens: z.int(),
  saved_step: z.int().nullable().meta({ description: "of its newest checkpoint" }),
  error: z.string().nullable(),
});

export const trialSchema = z
  .object({
    object: z.literal("fine_tuning.job.trial"),
    number: z.int().meta({ description: "from 1" }),
    hyperparameters: z.record(z.string(), z.unknown()).meta({ description: "those that vary" }),
    status: z.enum(["waiting", "running", "paused", "finished", "stopped", "failed"]).meta({
      description: "stopped: by successive halving, as others were better",
    }),
    metric: z.string().nullable(),
    score: z.number().nullable().meta({ description: "mean of its runs' values; null until all are there" }),
    deviation: z.number().nullable().meta({ description: "of the values of its folds (sample standard deviation)" }),
    runs: z.array(trialRunSchema),
  })
  .meta({ id: "FineTuningJobTrial" });

export type Trial = z.output<typeof trialSchema>;
export type TrialRun = z.output<typeof trialRunSchema>;
