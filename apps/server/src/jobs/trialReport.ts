/** @file The end of a search: its table (in a terminal, as CSV, in the model's card) and its picture. */
import { markdownTable, searchSvg, type DrawnTrial } from "@stagecoach/training";
import { csvOf } from "./resultCsv.ts";
import type { Search, Trial } from "./searchSchema.ts";
import { ranked, shownPoint, shownValue } from "./trialRanking.ts";

export const TRIALS_CSV = "trials.csv";
export const TRIALS_SVG = "trials.svg";

/** In a model's card. */
const MAX_LISTED = 50;

/** By file name: what goes into the folder of the model, and at the end of its card. */
export type TrialTexts = { readonly files: Readonly<Record<string, string>>; readonly card: string };

export function trialTexts(search: Search, trials: readonly Trial[]): TrialTexts {
  const files = { [TRIALS_SVG]: trialsSvg(trials), [TRIALS_CSV]: trialsCsv(trials) };
  return { files, card: cardSection(search, trials) };
}

/** The best first, those without a score last. */
function inOrder(trials: readonly Trial[]): Trial[] {
  const best = ranked(trials);
  return [...best, ...trials.filter((trial) => !best.includes(trial))];
}

const namesOf = (trials: readonly Trial[]) => Object.keys(trials[0]?.hyperparameters ?? {});
const metricOf = (trials: readonly Trial[]) => trials.find(({ metric }) => metric !== null)?.metric ?? "score";

/** Rows of a table for people. */
export function trialTable(trials: readonly Trial[]): { readonly header: string[]; readonly rows: string[][] } {
  const names = namesOf(trials);
  const hasFolds = trials.some(({ runs }) => runs.length > 1);
  return {
    header: ["trial", ...names, metricOf(trials), ...(hasFolds ? ["deviation"] : []), "steps", "seconds", "state"],
    rows: inOrder(trials).map((trial) => [
      String(trial.number),
      ...names.map((name) => shownValue(trial.hyperparameters[name])),
      shown(trial.score),
      ...(hasFolds ? [shown(trial.deviation)] : []),
      String(trial.runs.reduce((sum, { step }) => sum + step, 0)),
      secondsOf(trial).toFixed(1),
      trial.status,
    ]),
  };
}

const shown = (value: number | null) => (value === null ? "none" : value.toFixed(4));

/** Of all of its runs, one after another. */
function secondsOf({ runs }: Trial): number {
  return runs
    .flatMap(({ intervals }) => intervals)
    .reduce((sum, { started_at: start, ended_at: end }) => sum + ((end ?? start) - start) / 1000, 0);
}

/** A row for each run, in order of the trials. */
export function trialsCsv(trials: readonly Trial[]): string {
  const names = namesOf(trials);
  const measured = [
    ...new Set(trials.flatMap(({ runs }) => runs.flatMap(({ metrics }) => Object.keys(metrics ?? {})))),
  ];
  const header = [
    "trial",
    "fold",
    ...names,
    "status",
    "score",
    "value",
    "best_step",
    "steps",
    "seconds",
    ...measured,
    "error",
  ];
  const rows = trials.flatMap((trial) =>
    trial.runs.map((run) => [
      trial.number,
      run.fold,
      ...names.map((name) => shownValue(trial.hyperparameters[name])),
      trial.status,
      trial.score,
      run.value,
      run.best_step,
      run.step,
      secondsOf({ ...trial, runs: [run] }),
      ...measured.map((name) => run.metrics?.[name] ?? null),
      run.error,
    ]),
  );
  return csvOf([header, ...rows]);
}

export function trialsSvg(trials: readonly Trial[]): string {
  const [best] = ranked(trials);
  return searchSvg({
    metric: metricOf(trials),
    trials: inOrder(trials).map((trial): DrawnTrial => ({
      number: trial.number,
      label: shownPoint(trial.hyperparameters),
      isBest: trial.number === best?.number,
      score: trial.status === "failed" ? null : trial.score,
      runs: trial.runs.map(({ value, evaluations, intervals }) => ({
        value,
        evaluations,
        intervals: intervals.flatMap(({ started_at: start, ended_at: end }) => (end === null ? [] : [{ start, end }])),
      })),
    })),
  });
}

function cardSection(search: Search, trials: readonly Trial[]): string {
  const { header, rows } = trialTable(trials);
  const more = rows.length > MAX_LISTED ? `\n\nAnd ${rows.length - MAX_LISTED} more in \`${TRIALS_CSV}\`.` : "";
  return `\n## Search\n\n${sentence(search, trials)}\n\n${markdownTable(header, rows.slice(0, MAX_LISTED))}${more}\n\n![the trials](${TRIALS_SVG})\n`;
}

function sentence({ strategy, folds, space }: Search, trials: readonly Trial[]): string {
  const [best] = ranked(trials);
  const metric = metricOf(trials);
  const chosen = `The best of ${trials.length} trials (${strategy}) by ${metric} had ${shownPoint(best?.hyperparameters ?? {})}.`;
  const first = Object.keys(space).length === 0 ? "" : `${chosen} `;
  if (folds === undefined) return first.trim();
  return `${first}Each was trained and evaluated on ${folds} folds of the training data: the score is the mean of ${metric}. This model was trained on all of it afterwards, and has not been evaluated on any of it.`;
}
