/** @file What `stagecoach train` writes of a search: a line for each trial that is over, and a table of all at the end. */
import type { Trial } from "../jobs/searchSchema.ts";
import { errorOf, isOver, shownPoint } from "../jobs/trialRanking.ts";
import { TRIALS_CSV, TRIALS_SVG, trialTable } from "../jobs/trialReport.ts";
import type { TrainingJobResult } from "../training/runJob.ts";
import { alignedRows } from "./alignedRows.ts";
import { formatMetric } from "./measuredLines.ts";
import { modelLines, modelPath, testLines } from "./modelLines.ts";

/** Trials that the table lists. */
const MAX_TRIALS = 30;

/** null while it goes on. */
export function trialLine(trial: Trial, isBest: boolean): string | null {
  const { number, status, metric, score, deviation } = trial;
  const name = `trial ${number} (${shownPoint(trial.hyperparameters)})`;
  if (!isOver(trial)) return null;
  if (status === "failed") return `${name} failed: ${errorOf(trial)}`;
  const spread = deviation === null ? "" : ` ± ${formatMetric(deviation)}`;
  const remark = status === "stopped" ? ", stopped: others go on" : isBest ? " (best so far)" : "";
  return `${name}: ${metric} ${formatMetric(score)}${spread}${remark}`;
}

type Searched = Extract<TrainingJobResult, { readonly status: "succeeded" }> & { readonly trials: readonly Trial[] };

/** @param folder - of the search, as it was given */
export function searchSummary({ trials, summary, settings }: Searched, folder: string): string {
  const { header, rows } = trialTable(trials);
  const shown = [header, ...rows.slice(0, MAX_TRIALS)];
  const path = modelPath(folder);
  const { folds } = settings.search ?? {};
  const chosen =
    folds === undefined
      ? `  The model is that of trial ${rows[0]![0]}`
      : `  The model has the hyper-parameters of trial ${rows[0]![0]}, and was trained on all of the data`;
  return [
    "",
    ...alignedRows(shown).map((row) => `  ${row}`),
    ...(rows.length > MAX_TRIALS ? [`  and ${rows.length - MAX_TRIALS} more in ${path}/${TRIALS_CSV}`] : []),
    "",
    chosen,
    ...testLines(summary.test),
    "",
    ...modelLines(path, [`  Picture  ${path}/${TRIALS_SVG}`]),
  ].join("\n");
}
