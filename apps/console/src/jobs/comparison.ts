/** @file The settings of several jobs side by side. */
import { shownValue } from "./format.ts";
import type { Job } from "./jobTypes.ts";

export type ComparedRow = {
  readonly name: string;
  /** In the order of the jobs; blank where a job has none. */
  readonly values: readonly string[];
  readonly isDifferent: boolean;
};

/** Settings that differ come first. */
export function comparedSettings(jobs: readonly Job[]): ComparedRow[] {
  const settings = jobs.map(settingsOf);
  const names = [...new Set(settings.flatMap((each) => Object.keys(each)))];
  return comparedValues(names, settings);
}

/** @param all - values by name, of each job */
export function comparedValues(
  names: readonly string[],
  all: readonly Readonly<Record<string, string>>[],
): ComparedRow[] {
  const rows = names.map((name) => {
    const values = all.map((each) => each[name] ?? "");
    return { name, values, isDifferent: new Set(values).size > 1 };
  });
  return [...rows.filter(({ isDifferent }) => isDifferent), ...rows.filter(({ isDifferent }) => !isDifferent)];
}

function settingsOf({ model, training_file, validation_file, seed, method }: Job): Record<string, string> {
  const { hyperparameters, task, columns, stages, schedule, search } = method.supervised;
  const all = {
    model,
    task,
    training_file,
    validation_file: validation_file ?? undefined,
    columns,
    seed,
    stages,
    schedule,
    search,
    ...hyperparameters,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, shownValue(value)]])),
  );
}
