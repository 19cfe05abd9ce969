/** @file The form that asks for a job like another one. */
import { shownValue } from "./format.ts";
import { emptyForm, type ChosenFile, type JobForm, type VaryRow } from "./jobForm.ts";
import type { Job } from "./jobTypes.ts";

/** @param files - the job's, as far as they are there */
export function formOf(job: Job, files: readonly ChosenFile[]): JobForm {
  const { hyperparameters, task, columns, stages, search, ...others } = job.method.supervised;
  const { validation_split: share, ...given } = hyperparameters;
  const file = (id: string | null) => files.find((each) => each.id === id) ?? null;
  const hasFile = job.validation_file !== null;
  return {
    ...emptyForm,
    trainingFile: file(job.training_file),
    validation: hasFile ? "file" : share === undefined ? "none" : "split",
    validationShare: share === undefined ? emptyForm.validationShare : shownValue(share),
    validationFile: file(job.validation_file),
    task: task ?? "",
    columns: columns ?? {},
    model: job.model,
    seed: String(job.seed),
    stages: stages === undefined ? "" : String(stages),
    hyperparameters: Object.fromEntries(
      Object.entries(given)
        .filter(
          ([name, value]) => value !== "auto" && !(name === "learning_rate_multiplier" && "learning_rate" in given),
        )
        .map(([name, value]) => [name, typedValue(value)]),
    ),
    search:
      search === undefined
        ? emptyForm.search
        : {
            isOn: true,
            strategy: search.strategy,
            vary: Object.entries(search.space).map(([name, values]) => varyRow(name, values)),
            trials: shownValue(search.trials),
            reduction: shownValue(search.reduction_factor),
            parallel: shownValue(search.parallel),
            folds: shownValue(search.folds),
          },
    others,
  };
}

/** As one types it. */
const typedValue = (value: unknown) => (Array.isArray(value) ? value.map(shownValue).join(", ") : shownValue(value));

function varyRow(name: string, values: unknown): VaryRow {
  if (Array.isArray(values)) {
    const hasCommas = values.some((value) => typeof value === "object");
    return { name, mode: "values", values: values.map(typedValue).join(hasCommas ? "; " : ", "), min: "", max: "" };
  }
  const { min, max, scale } = values as { min: number; max: number; scale: "linear" | "log" };
  return { name, mode: scale, values: "", min: String(min), max: String(max) };
}
