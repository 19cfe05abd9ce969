/** @file The trials of a search: their settings, and where they stand. */
import {
  gridPoints,
  halvingRounds,
  randomPoints,
  TrainingError,
  type HalvingRound,
  type SearchPoint,
  type SearchSpace,
} from "@stagecoach/training";
import { isWholeNumber, type Search, type Trial, type TrialRun } from "../jobs/searchSchema.ts";
import { shownPoint } from "../jobs/trialRanking.ts";
import { trainingSettingsSchema, type TrainingSettings } from "../training/trainingSettings.ts";

export type SearchedSettings = TrainingSettings & { readonly search: Search };

const DEFAULT_TRIALS = 10;
const DEFAULT_FACTOR = 3;

/** What each trial varies. A grid's in order; those at random are the seed's. */
export function pointsOf({ search, seed }: SearchedSettings): SearchPoint[] {
  const space = search.space as SearchSpace;
  if (search.strategy === "grid") return gridPoints(space);
  return randomPoints(space, { count: search.trials ?? DEFAULT_TRIALS, seed, isWhole: isWholeNumber });
}

/** In each, so many of the best trials are trained up to a share of their steps. */
export function roundsOf({ strategy, reduction_factor: factor }: Search, numTrials: number): readonly HalvingRound[] {
  return strategy === "successive-halving"
    ? halvingRounds(numTrials, factor ?? DEFAULT_FACTOR)
    : [{ numTrials, share: 1 }];
}

/** The settings of a trial's runs. @throws TrainingError that names the trial's hyper-parameters */
export function settingsOfTrial({ search: _, ...settings }: SearchedSettings, point: SearchPoint): TrainingSettings {
  const { seed = settings.seed, ...varied } = point;
  const parsed = trainingSettingsSchema.safeParse({
    ...settings,
    seed,
    hyperparameters: { ...settings.hyperparameters, ...varied },
  });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.slice(-1).join("")}: ${message}`).join("; ");
  throw new TrainingError("training_option", `the trial with ${shownPoint(point)}: ${problems}`);
}

/** The settings of the last run of a cross-validation, which has all of the data and nothing to be evaluated on. */
export function settingsOfAll(settings: TrainingSettings, best: Trial): TrainingSettings {
  const { early_stopping_patience: patience, ...given } = settings.hyperparameters ?? {};
  const { early_stopping_threshold: _, metric_for_best_model: __, eval_steps: ___, ...hyperparameters } = given;
  if (patience === undefined) return { ...settings, hyperparameters };
  // Where folds have stopped early, this one stops where they did on average: it has no evaluations to stop by.
  const stops = best.runs.map(({ best_step: step }) => step ?? 0);
  const share = best.runs.length / (best.runs.length - 1);
  const max_steps = Math.max(1, Math.round(mean(stops) * share));
  const { warmup_steps: warmup } = given;
  const shorter = warmup === undefined ? {} : { warmup_steps: Math.min(warmup, max_steps) };
  return { ...settings, hyperparameters: { ...hyperparameters, ...shorter, max_steps } };
}

export function newTrial(number: number, point: SearchPoint, numFolds: number | undefined): Trial {
  const run = (fold: number | null): TrialRun => ({
    fold,
    status: "waiting",
    step: 0,
    total_steps: null,
    value: null,
    best_step: null,
    metrics: null,
    evaluations: [],
    intervals: [],
    trained_tokens: 0,
    saved_step: null,
    error: null,
  });
  return {
    object: "fine_tuning.job.trial",
    number,
    hyperparameters: { ...point },
    status: "waiting",
    metric: null,
    score: null,
    deviation: null,
    runs: numFolds === undefined ? [run(null)] : Array.from({ length: numFolds }, (_, fold) => run(fold + 1)),
  };
}

/** With what its runs come to. One that was stopped stays so. */
export function summarized(trial: Trial): Trial {
  const values = trial.runs.flatMap(({ value }) => (value === null ? [] : [value]));
  const isMeasured = values.length === trial.runs.length;
  const score = isMeasured ? mean(values) : null;
  const deviation = isMeasured && values.length > 1 ? deviationOf(values) : null;
  return { ...trial, status: statusOf(trial), score, deviation };
}

function statusOf({ status: before, runs }: Trial): Trial["status"] {
  const has = (status: TrialRun["status"]) => runs.some((run) => run.status === status);
  if (has("failed")) return "failed";
  if (has("running")) return "running";
  if (runs.every(({ status }) => status === "finished")) return "finished";
  if (before === "stopped") return "stopped";
  if (has("paused")) return "paused";
  return has("finished") ? "running" : "waiting";
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviationOf(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
