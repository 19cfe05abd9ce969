/** @file A job as far as its first step: settings, columns and every row of its data; nothing is trained, and no teacher is asked. */
import { checkRun, DataError, expectStages, foldExamples, type DataReport } from "@stagecoach/training";
import type { DataSets, ExampleSet } from "@stagecoach/training/node";
import { threadsEach } from "../config/threadsEach.ts";
import { nothingChecked, type JobCheck, type JobProblem } from "../jobs/jobRunner.ts";
import { pointsOf, settingsOfTrial } from "../search/trials.ts";
import { countLabels } from "./classWeights.ts";
import { closeJobData, openJobData, type JobData, type JobDataOptions } from "./jobData.ts";
import { failureOf } from "./jobEvents.ts";
import { planJob } from "./planJob.ts";
import { dataWarnings } from "./prepareData.ts";
import { runOptionsOf } from "./runOptions.ts";
import { trainingStages } from "./trainingStages.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

/**
 * What would fail the job is told, not thrown. Of a search, the settings of all trials are looked at, and the first one is planned.
 *
 * @throws what nobody expects of a job, such as a file of its model that cannot be read
 */
export async function checkJob(settings: TrainingSettings, options: JobDataOptions): Promise<JobCheck> {
  let given: TrainingSettings;
  let opened: JobData;
  try {
    given = firstRunOf(settings);
    opened = await openJobData(given, options);
  } catch (error) {
    return { ...nothingChecked, problems: await problemsOf(error, settings, options) };
  }
  try {
    const facts = factsOf(opened.data);
    try {
      return { ...facts, steps: await stepsOf(given, opened, settings.search?.folds), problems: [] };
    } catch (error) {
      return { ...facts, problems: [problemOf(error, settings)] };
    }
  } finally {
    closeJobData(opened);
  }
}

function firstRunOf(settings: TrainingSettings): TrainingSettings {
  const { search } = settings;
  if (search === undefined) return settings;
  const searched = { ...settings, search };
  const [first] = pointsOf(searched).map((point) => settingsOfTrial(searched, point));
  return { ...first!, seed: settings.seed };
}

/** @throws what a job throws before it trains */
async function stepsOf(
  settings: TrainingSettings,
  { base, data, teaching }: JobData,
  numFolds: number | undefined,
): Promise<number> {
  const { stages, threads = threadsEach(stages), seed } = settings;
  const sets = numFolds === undefined ? data : firstFoldOf(data, { numFolds, seed });
  const plan = await planJob(base.folder, { ...settings, threads }, { ...sets, teaching });
  const { totalSteps } = checkRun(runOptionsOf(plan));
  expectStages(plan.model, stages);
  trainingStages(plan.model, plan.stageSettings, stages);
  return totalSteps;
}

function firstFoldOf(data: DataSets, options: { readonly numFolds: number; readonly seed: number }): DataSets {
  const { encoded, examples } = data.train;
  const { train, validation } = foldExamples(encoded, examples, options)[0]!;
  return { ...data, train: { encoded, examples: train }, validation: { encoded, examples: validation } };
}

function factsOf({ task, labels, train, validation, test, reports }: DataSets): Omit<JobCheck, "problems"> {
  const total = (of: (report: DataReport) => number) => reports.reduce((sum, report) => sum + of(report), 0);
  return {
    task: task.name,
    columns: reports[0]!.columns,
    labels: labelsOf(labels, train),
    examples: train.examples.length,
    validationExamples: validation?.examples.length ?? 0,
    testExamples: test?.examples.length ?? 0,
    skipped: total(({ numSkipped }) => numSkipped),
    truncated: total(({ numTruncated }) => numTruncated),
    steps: null,
    warnings: dataWarnings(reports),
  };
}

/** The most frequent first; of token classification, of tokens with a tag. */
function labelsOf(labels: readonly string[], set: ExampleSet): JobCheck["labels"] {
  if (labels.length === 0) return null;
  const counts =
    set.encoded.task.name === "token-classification" ? countTags(labels, set) : countLabels(labels.length, set);
  const named = labels.map((name, label) => ({ name, count: counts[label]! }));
  return named.toSorted((a, b) => b.count - a.count);
}

/** A target is a token and its tag, and so on (tasks/tokenClassification.ts). */
function countTags(labels: readonly string[], { encoded, examples }: ExampleSet): number[] {
  const counts = labels.map(() => 0);
  for (const example of examples) {
    const { target } = encoded.store.get(example);
    for (let place = 1; place < target.length; place += 2) counts[target[place]!]!++;
  }
  return counts;
}

/** A job ends with its first bad row; here the next ones are told too, by reading the data once more without it. */
async function problemsOf(error: unknown, settings: TrainingSettings, options: JobDataOptions): Promise<JobProblem[]> {
  const first = problemOf(error, settings);
  const { hyperparameters, search: _, teacher: __, ...others } = settings;
  const isOfRow = error instanceof DataError && error.line !== undefined && error.code !== "data_columns";
  if (!isOfRow || hyperparameters?.bad_rows === "skip") return [first];
  try {
    const skipping = { ...others, hyperparameters: { ...hyperparameters, bad_rows: "skip" as const } };
    const opened = await openJobData(skipping, options);
    closeJobData(opened);
    const rows = opened.data.reports
      .flatMap(({ skipped }) => skipped)
      .filter(({ message }) => message !== first.message);
    return [first, ...rows.map((row) => problemOf(row, settings))];
  } catch (again) {
    if (again instanceof DataError) return [first];
    throw again;
  }
}

function problemOf(error: unknown, settings: TrainingSettings): JobProblem {
  // What has no code nobody has thought of.
  if (!(error instanceof Error) || !("code" in error)) throw error;
  const { message, param } = failureOf(error, settings);
  const { file, line, column } = error instanceof DataError ? error : ({} as Partial<DataError>);
  return { message, param, file: file ?? null, line: line ?? null, column: column ?? null };
}
