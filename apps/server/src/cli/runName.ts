/** @file The name of a run: `--task` may be one instead of a kind of task, and the folder of a run is called after it. */
import { taskNames, type TaskName } from "@stagecoach/transformer";
import { basename } from "node:path";
import { closestName } from "../config/closestName.ts";
import { SettingsError } from "../config/loadSettings.ts";
import type { TrainingSettings } from "../training/trainingSettings.ts";

/** What `--task` says: a kind, or a name of one's own. @throws SettingsError for what is probably a kind with a slip in it */
export function readTaskFlag(given: string): { readonly task: TaskName } | { readonly name: string } {
  const task = taskNames.find((kind) => kind === given);
  if (task !== undefined) return { task };
  const meant = closestName(given, taskNames);
  if (meant === null) return { name: given };
  throw new SettingsError(
    `--task: expected one of ${taskNames.join(", ")}, or a name of your own that is like none of them, got "${given}" (did you mean "${meant}"?)`,
  );
}

/** Folder for a run that was given none, inside the current one: its name, or that of the data file without its endings. */
export function defaultOutput({ name, data }: Pick<TrainingSettings, "name" | "data">): string {
  return (
    name ??
    basename(data.path)
      .replace(/\.gz$/i, "")
      .replace(/(?<=.)\.[^.]+$/, "")
  );
}
