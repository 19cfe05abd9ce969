/** @file The models that jobs have made: where they are, and who wants to know when one comes or goes. */
import { isAdapterFolder } from "@stagecoach/transformer/node";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ModelRecord } from "../store/modelRecords.ts";
import type { Store } from "../store/openStore.ts";
import { RefusedError } from "./errors.ts";

export type FineTunedModel = {
  /** `ft:...` */
  readonly id: string;
  /** A Hugging Face folder. Absolute. */
  readonly folder: string;
  /** Name of the model that it was made from. */
  readonly base: string;
  readonly task: string;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly jobId: string;
};

export type ModelChange = { readonly kind: "added" | "removed"; readonly model: FineTunedModel };

export class FineTunedModels {
  readonly #store: Store;
  readonly #dataDir: string;
  readonly #listeners = new Set<(change: ModelChange) => Promise<void> | void>();

  constructor(store: Store, dataDir: string) {
    this.#store = store;
    this.#dataDir = dataDir;
  }

  /** The newest first. */
  async list(): Promise<FineTunedModel[]> {
    return (await this.#store.models.list()).map((record) => this.#modelOf(record));
  }

  async find(id: string): Promise<FineTunedModel | null> {
    const record = await this.#store.models.find(id);
    return record === undefined ? null : this.#modelOf(record);
  }

  /** Be told of what comes and goes. A removed model's folder is deleted when all listeners are done. @returns how to leave */
  watch(listener: (change: ModelChange) => Promise<void> | void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The queue has added it to the store. */
  async announce(id: string): Promise<void> {
    const model = await this.find(id);
    if (model !== null) await this.#tell({ kind: "added", model });
  }

  /** @throws RefusedError `unknown_model`, or `in_use` while a job starts from it or learns from it */
  async remove(id: string): Promise<void> {
    const model = await this.#store.transaction(async ({ models, jobs }) => {
      const record = await models.find(id);
      if (record === undefined)
        throw new RefusedError("unknown_model", `The model \`${id}\` does not exist`, { field: "model" });
      const job = await jobs.usingModel(id);
      if (job !== undefined) {
        const message = `The model \`${id}\` is used by the job ${job.id}, which has not ended: cancel the job first, or wait for its end`;
        throw new RefusedError("in_use", message, { field: "model" });
      }
      const others = (await models.list()).filter(({ base }) => base === id).map((each) => this.#modelOf(each));
      for (const other of others) {
        if (!(await isAdapterFolder(other.folder))) continue;
        const message = `The model \`${id}\` is the base of \`${other.id}\`, which has no weights of its own: delete that one first`;
        throw new RefusedError("in_use", message, { field: "model" });
      }
      await models.remove(id);
      return this.#modelOf(record);
    });
    await this.#tell({ kind: "removed", model });
    await rm(model.folder, { recursive: true, force: true });
  }

  async #tell(change: ModelChange): Promise<void> {
    for (const listener of this.#listeners) await listener(change);
  }

  #modelOf({ id, folder, base, task, created_at, job_id }: ModelRecord): FineTunedModel {
    return { id, folder: join(this.#dataDir, folder), base, task, createdAt: created_at, jobId: job_id };
  }
}
