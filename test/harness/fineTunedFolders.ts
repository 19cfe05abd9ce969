/** @file A data folder that knows fine-tuned models, as if jobs had made them: a server serves several tasks without training any. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { modelFolderOf } from "../../apps/server/src/jobs/finishJob.ts";
import { methodOf, trainingRequestSchema } from "../../apps/server/src/jobs/trainingRequest.ts";
import { openStore } from "../../apps/server/src/store/openStore.ts";

const CREATED_AT = 1_700_000_000;

/** What the jobs would have been asked for. Their file has been deleted since. */
const request = trainingRequestSchema.parse({ model: "tiny-encoder", training_file: "file-gone" });
const { seed, method } = methodOf(request);

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
      model: request.model,
      base: JSON.stringify({ reference: request.model, revision: null }),
      training_file: request.training_file,
      validation_file: null,
      seed,
      method: JSON.stringify(method),
      metadata: null,
      model_name: name,
    });
    await store.jobs.change(id, { from: ["queued"] }, { status: "succeeded", finished_at: CREATED_AT });
    await store.models.add({ id: name, job_id: id, base: request.model, task: "", folder, created_at: CREATED_AT });
  }
  await store.close();
}
