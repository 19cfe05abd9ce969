/**
 * @file The quota of checkpoints: one that would go beyond it gets the room of the oldest ones of jobs that have ended, and is refused
 * where those are not enough. What a job needs to go on with is never removed for another.
 */
import { Serial } from "@stagecoach/parallel";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { CheckpointRecord } from "../store/jobHistory.ts";
import type { Store } from "../store/openStore.ts";
import { endedStatuses } from "../store/schema.ts";
import type { CheckpointModels } from "./checkpointModels.ts";
import type { CheckpointSize } from "./jobRunner.ts";

export type CheckpointQuotaOptions = {
  readonly store: Store;
  readonly dataDir: string;
  readonly checkpointModels: Pick<CheckpointModels, "remove">;
  /** All checkpoints together. */
  readonly maxBytes: number;
};

export class CheckpointQuota {
  readonly #options: CheckpointQuotaOptions;
  readonly #changes = new Serial();

  constructor(options: CheckpointQuotaOptions) {
    this.#options = options;
  }

  /** Make room for a checkpoint of a job. @returns null, or for people why there is none; nothing was removed then */
  makeRoom(jobId: string, { step, bytes }: CheckpointSize): Promise<string | null> {
    return this.#changes.run(async () => {
      const { store, maxBytes } = this.#options;
      // A step that is made again takes the place of what it was.
      const others = (await store.history.allCheckpoints()).filter(
        (each) => each.job_id !== jobId || each.step !== step,
      );
      const removable = others.filter(({ status }) => endedStatuses.includes(status));
      let free = maxBytes - totalBytes(others);
      const most = free + totalBytes(removable);
      if (bytes > most) return refusal({ step, bytes }, { free: most, maxBytes });
      for (const oldest of removable) {
        if (bytes <= free) break;
        await this.#remove(oldest);
        free += bytesOf(oldest);
      }
      return null;
    });
  }

  async #remove({ job_id, step, folder }: CheckpointRecord): Promise<void> {
    const { store, dataDir, checkpointModels } = this.#options;
    await store.history.removeCheckpoint(job_id, step);
    await checkpointModels.remove(job_id, step);
    await rm(join(dataDir, folder), { recursive: true, force: true });
  }
}

function refusal(
  { step, bytes }: CheckpointSize,
  { free, maxBytes }: { readonly free: number; readonly maxBytes: number },
): string {
  return (
    `checkpoint of step ${step}: expected room for ${bytes} bytes, got ${Math.max(0, free)} of the ${maxBytes} that all checkpoints may have ` +
    `(raise --max-checkpoints-bytes, or cancel jobs that are paused; what was saved before is as it was)`
  );
}

function bytesOf({ metrics }: Pick<CheckpointRecord, "metrics">): number {
  const { checkpoint_bytes: bytes } = JSON.parse(metrics) as { readonly checkpoint_bytes?: number };
  return bytes ?? 0;
}

function totalBytes(checkpoints: readonly CheckpointRecord[]): number {
  return checkpoints.reduce((sum, each) => sum + bytesOf(each), 0);
}
