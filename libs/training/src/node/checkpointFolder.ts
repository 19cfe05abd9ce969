/**
 * @file Checkpoints on disk: `step-N/` with the files of the stages and `checkpoint.json`, which is written last.
 *
 * A checkpoint is filled under a temporary name, flushed, and renamed, so that a power cut leaves a whole one or none. Whoever
 * opens the folder holds the lock of the job's folder: two trainers would remove each other's checkpoints.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint, CheckpointStore, SavedCheckpoint } from "../loop/checkpointStore.ts";
import { TrainingError } from "../loop/trainingError.ts";
import type { TrainingState } from "../loop/trainingState.ts";
import { diskError, publishFolder, writeDurably } from "./durableFiles.ts";

export type CheckpointFolderOptions = {
  /** Of everything that decides the bytes of the run: a checkpoint with another is refused. */
  readonly fingerprint: string;
  /** How many of the newest are kept besides the best one. */
  readonly keep: number;
  /** Called with a checkpoint that is written and has no name yet: what it throws, `save` throws, and nothing of it stays. */
  readonly makeRoom?: ((checkpoint: { readonly step: number; readonly bytes: number }) => Promise<void>) | undefined;
};

type CheckpointFile = {
  readonly format: 1;
  readonly fingerprint: string;
  readonly files: readonly string[];
  readonly state: TrainingState;
};

const STATE_FILE = "checkpoint.json";
const TEMPORARY = ".tmp";

export class CheckpointFolder implements CheckpointStore {
  readonly #folder: string;
  readonly #options: CheckpointFolderOptions;

  private constructor(folder: string, options: CheckpointFolderOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Removes what a process has left that ended while it wrote. */
  static async open(folder: string, options: CheckpointFolderOptions): Promise<CheckpointFolder> {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      const isIncomplete = stepOf(name) !== null && !existsSync(join(folder, name, STATE_FILE));
      if (isIncomplete || name.endsWith(TEMPORARY)) await rm(join(folder, name), { recursive: true, force: true });
    }
    return new CheckpointFolder(folder, options);
  }

  async latest(): Promise<Checkpoint | null> {
    const step = (await this.#steps()).at(-1);
    return step === undefined ? null : this.at(step);
  }

  async at(step: number): Promise<Checkpoint> {
    const folder = this.#pathOf(step);
    const { fingerprint, files, state } = await readCheckpointFile(folder);
    if (fingerprint !== this.#options.fingerprint) {
      throw unusable(
        folder,
        "a checkpoint of this run",
        "one of other settings, data or model (start anew in another folder)",
      );
    }
    return { folder, files, state };
  }

  async save(state: TrainingState, write: (folder: string) => Promise<readonly string[]>): Promise<SavedCheckpoint> {
    const folder = this.#pathOf(state.step);
    const temporary = folder + TEMPORARY;
    try {
      await rm(temporary, { recursive: true, force: true });
      await mkdir(temporary, { recursive: true });
      const files = await write(temporary);
      const { fingerprint, makeRoom } = this.#options;
      const content: CheckpointFile = { format: 1, fingerprint, files, state };
      await writeDurably(join(temporary, STATE_FILE), `${JSON.stringify(content, null, 2)}\n`);
      const sizes = await Promise.all(files.map(async (file) => (await stat(join(temporary, file))).size));
      const bytes = sizes.reduce((a, b) => a + b, 0);
      await makeRoom?.({ step: state.step, bytes });
      await publishFolder(temporary, folder);
      return { folder, files, state, bytes };
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw diskError(error, `checkpoint of step ${state.step} in ${this.#folder}`);
    }
  }

  async prune(best: number | null): Promise<readonly number[]> {
    const steps = await this.#steps();
    const removed = steps.slice(0, -this.#options.keep).filter((step) => step !== best);
    for (const step of removed) {
      // Under its own name it would look complete until the last file is gone.
      const doomed = this.#pathOf(step) + TEMPORARY;
      await rename(this.#pathOf(step), doomed);
      await rm(doomed, { recursive: true, force: true });
    }
    return removed;
  }

  #pathOf(step: number): string {
    return join(this.#folder, `step-${step}`);
  }

  async #steps(): Promise<number[]> {
    const names = await readdir(this.#folder);
    const steps = names.map(stepOf).filter((step) => step !== null);
    return steps.toSorted((a, b) => a - b);
  }
}

/** A checkpoint of any run, by its folder. @throws TrainingError when it is not there, or of another format */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const { files, state } = await readCheckpointFile(folder);
  return { folder, files, state };
}

function stepOf(name: string): number | null {
  const found = /^step-(\d+)$/.exec(name);
  return found === null ? null : Number(found[1]);
}

async function readCheckpointFile(folder: string): Promise<CheckpointFile> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(join(folder, STATE_FILE), "utf8"));
  } catch (cause) {
    throw unusable(folder, `a readable ${STATE_FILE}`, cause instanceof Error ? cause.message : String(cause));
  }
  const isKnown = typeof json === "object" && json !== null && "format" in json && json.format === 1;
  if (!isKnown) throw unusable(folder, `${STATE_FILE} of format 1`, "another (written by another version)");
  return json as CheckpointFile;
}

function unusable(folder: string, expected: string, got: string): TrainingError {
  return new TrainingError("checkpoint_unusable", `${folder}: expected ${expected}, got ${got}`);
}
