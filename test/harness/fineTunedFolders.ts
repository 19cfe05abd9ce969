/** @file A data folder that knows fine-tuned models, as if jobs had made them: a server serves several tasks without training any. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { modelFolderOf } from "../../apps/server/src/jobs/finishJob.ts";
import { openStore } from "../../apps/server/src/store/openStore.ts";

const CREATED_AT = 1_700_000_000;

/** @param dataDir - an existing folder that no server has opened yet @param models - folders, which are copied, by the models' names */
export async function addFineTuned(dataDir: string, models: Readonly<Record<string, string>>): Promise<void> {
  const store = await openStore({ dataDir });
  for (const [name, source] of Object.entries(models)) {
    const id = `ftjob-${name.replaceAll(/\W/g, "")}`;
    const folder = modelFolderOf(id);
    cpSync(source, join(dataDir, folder), { recursive: true });
    await store.jobs.add({
      id,
      created_at: CREATED_AT,
      model: "tiny-encoder",
      base: "{}",
      training_file: "file-gone",
      validation_file: null,
      seed: 0,
      method: "{}",
      metadata: null,
      model_name: name,
    });
    await store.jobs.change(id, { from: ["queued"] }, { status: "succeeded", finished_at: CREATED_AT });
    await store.models.add({ id: name, job_id: id, base: "tiny-encoder", task: "", folder, created_at: CREATED_AT });
  }
  await store.close();
}
