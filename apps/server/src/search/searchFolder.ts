/**
 * @file The folder of a search: that of a job, with a folder for each run of a trial, and what is known of all trials in one file,
 * which is written anew as a whole whenever something has changed.
 */
import { TrainingError } from "@stagecoach/training";
import { diskError, replaceDurably } from "@stagecoach/training/node";
import { isSystemError, syncFolder } from "@stagecoach/transformer/node";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { trialSchema, type Trial } from "../jobs/searchSchema.ts";
import type { TrialTexts } from "../jobs/trialReport.ts";
import { jobPaths } from "../training/jobFolder.ts";

const RECORDS = "trials.json";

export const searchPaths = (folder: string) => ({
  records: join(folder, RECORDS),
  trials: jobPaths(folder).trials,
  /** Of one run of a trial: a job's folder. */
  run: (trial: number, fold: number | null) =>
    join(jobPaths(folder).trials, fold === null ? `${trial}` : `${trial}-fold-${fold}`),
  /** Of the frozen encoder, for all runs of a seed on the same examples. */
  features: (seed: number, fold: number | null, encoding: string) =>
    join(
      jobPaths(folder).features,
      `${seed}-${fold ?? "all"}-${createHash("sha256").update(encoding).digest("hex").slice(0, 8)}`,
    ),
  /** Of the run on all of the data that follows a cross-validation. */
  all: join(jobPaths(folder).trials, "all"),
});

/** What an earlier process has left: runs that it was at when it was killed wait again. Empty where none has begun. */
export async function readTrials(folder: string): Promise<Trial[]> {
  const { records } = searchPaths(folder);
  if (!existsSync(records)) return [];
  try {
    return z
      .array(trialSchema)
      .parse(JSON.parse(await readFile(records, "utf8")))
      .map(withoutOpenRuns);
  } catch (cause) {
    const message = `${records}: expected the trials of a search (${cause instanceof Error ? cause.message : String(cause)})`;
    throw new TrainingError("checkpoint_unusable", message, { cause });
  }
}

function withoutOpenRuns(trial: Trial): Trial {
  const runs = trial.runs.map((run) => ({
    ...run,
    status: run.status === "running" ? ("waiting" as const) : run.status,
    intervals: run.intervals.filter(({ ended_at: end }) => end !== null),
  }));
  return { ...trial, runs };
}

/** @throws TrainingError `disk_full` */
export async function writeTrials(folder: string, trials: readonly Trial[]): Promise<void> {
  const { records } = searchPaths(folder);
  await replaceDurably(records, JSON.stringify(trials, null, 1)).catch((error: unknown) => {
    throw diskError(error, records);
  });
}

/** The checkpoints of a run that will not go on. */
export async function dropCheckpoints(runFolder: string): Promise<void> {
  await rm(jobPaths(runFolder).checkpoints, { recursive: true, force: true });
}

/** Puts a search's table and picture beside its model, and into its card. */
export async function addTexts(modelFolder: string, { files, card }: TrialTexts): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(modelFolder, name), text);
  await appendFile(join(modelFolder, "README.md"), card);
}

/** A model gets the place where a job's is. */
export async function moveModel(from: string, folder: string): Promise<string> {
  const { model } = jobPaths(folder);
  await mkdir(folder, { recursive: true });
  await rm(model, { recursive: true, force: true });
  await rename(from, model);
  await syncFolder(folder);
  return model;
}

/** All files in a folder, each once however many links it has; those that go meanwhile do not count. */
export async function folderBytes(folder: string, seen = new Set<string>()): Promise<number> {
  let bytes = 0;
  for (const entry of await orNothing(readdir(folder, { withFileTypes: true }), [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await folderBytes(path, seen);
    else if (entry.isFile()) {
      const found = await orNothing(stat(path), null);
      const key = `${found?.dev}:${found?.ino}`;
      if (found !== null && !seen.has(key)) bytes += found.size;
      seen.add(key);
    }
  }
  return bytes;
}

async function orNothing<Found, Nothing>(found: Promise<Found>, nothing: Nothing): Promise<Found | Nothing> {
  return found.catch((error: unknown) => {
    if (isSystemError(error, "ENOENT")) return nothing;
    throw error;
  });
}
