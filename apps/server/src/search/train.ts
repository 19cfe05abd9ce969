/** @file A training job of either kind: one run, or a search. */
import { runTrainingJob, type TrainingJobOptions, type TrainingJobResult } from "../training/runJob.ts";
import type { TrainingSettings } from "../training/trainingSettings.ts";
import { runSearch } from "./runSearch.ts";

/** @throws as `runTrainingJob` and `runSearch` */
export function train(settings: TrainingSettings, options: TrainingJobOptions): Promise<TrainingJobResult> {
  const { search } = settings;
  return search === undefined ? runTrainingJob(settings, options) : runSearch({ ...settings, search }, options);
}
