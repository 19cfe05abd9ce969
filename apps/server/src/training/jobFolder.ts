/**
 * @file The folder of a training job: its settings, the log of its steps, its checkpoints, and in the end its model.
 *
 * `training.json` is there before the first step. It holds what the run began with, "auto" and defaults included: whoever goes on
 * with it needs nothing else. With `model-files` any checkpoint becomes a model.
 */
import { TrainingError } from "@stagecoach/training";
import { replaceDurably } from "@stagecoach/training/node";
import { existsSync, readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { lockFolder, type FolderLock } from "../store/folderLock.ts";
import { StoreLockedError } from "../store/errors.ts";
import { trainingSettingsSchema, type TrainingSettings } from "./trainingSettings.ts";

const SETTINGS_FILE = "training.json";

export const jobPaths = (folder: string) => ({
  settings: join(folder, SETTINGS_FILE),
  log: join(folder, "steps.jsonl"),
  checkpoints: join(folder, "checkpoints"),
  /** What the best model so far gets wrong. */
  evaluations: join(folder, "evaluations.json"),
  /** What the teacher has said of the job's texts. */
  teacher: join(folder, "teacher"),
  /** What a frozen encoder gives for the job's examples, and its weights. */
  features: join(folder, "features"),
  /** All of the model but its weights. */
  modelFiles: join(folder, "model-files"),
  model: join(folder, "model"),
  /** Of a search: a folder for each of its runs. */
  trials: join(folder, "trials"),
});

/** Whether nothing is in the folder but what an attempt has left that came to no step. */
export function isFreshFolder(folder: string): boolean {
  if (!existsSync(folder)) return true;
  if (!statSync(folder).isDirectory()) return false;
  const { settings, ...paths } = jobPaths(folder);
  const own = ["lock", ...Object.values(paths).map((path) => basename(path))];
  return !existsSync(settings) && readdirSync(folder).every((name) => own.includes(name));
}

/** @throws TrainingJobError when another trainer works there */
export function lockJobFolder(folder: string): FolderLock {
  try {
    return lockFolder(folder, "another trainer");
  } catch (cause) {
    if (!(cause instanceof StoreLockedError)) throw cause;
    const message = `${folder}: expected to be the only trainer in this folder, got another (wait for it, or stop it)`;
    throw new TrainingJobError("training_folder_in_use", message, { cause });
  }
}

/** What a run in this folder began with; null where none has begun. @throws TrainingError for a damaged file */
export async function readJobSettings(folder: string): Promise<TrainingSettings | null> {
  const path = jobPaths(folder).settings;
  if (!existsSync(path)) return null;
  try {
    return trainingSettingsSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    const message = `${path}: expected the settings of a training run (${cause instanceof Error ? cause.message : String(cause)})`;
    throw new TrainingError("checkpoint_unusable", message, { cause });
  }
}

export function writeJobSettings(folder: string, settings: TrainingSettings): Promise<void> {
  return replaceDurably(jobPaths(folder).settings, `${JSON.stringify(settings, null, 2)}\n`);
}

/** A job that cannot begin where it is told to. */
export class TrainingJobError extends Error {
  override readonly name = "TrainingJobError";
  readonly code: "training_folder_in_use" | "training_folder_not_empty" | "training_folder_empty";

  constructor(code: TrainingJobError["code"], message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}
