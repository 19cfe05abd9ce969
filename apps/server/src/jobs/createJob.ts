/** @file From a request to a job in the queue: the models and files that it names must be there. */
import type { JobRecord } from "../store/jobRecords.ts";
import { newId } from "../store/newId.ts";
import type { Records, Store } from "../store/openStore.ts";
import { RefusedError } from "./errors.ts";
import type { FineTunedModels } from "./fineTunedModels.ts";
import type { JobRecorder } from "./jobRecorder.ts";
import type { BaseModel, JobModels } from "./jobRunner.ts";
import { newModelName } from "./modelName.ts";
import { methodOf, type TrainingRequest } from "./trainingRequest.ts";

/** Who knows which models there are. */
export type ModelSources = {
  readonly models: FineTunedModels;
  /** The model of this name, if a job can start from it. Fine-tuned models are known already. */
  readonly findBaseModel: (name: string) => Promise<BaseModel | null>;
};

export type Creation = ModelSources & {
  readonly store: Store;
  readonly recorder: JobRecorder;
  readonly now: () => number;
};

/** @throws RefusedError */
export async function createJob(creation: Creation, request: TrainingRequest): Promise<JobRecord> {
  const { store, recorder, now } = creation;
  const { model, training_file, validation_file = null, suffix, metadata } = request;
  const { seed, method } = methodOf(request);
  const { places, named } = await findModels(request, creation);
  return store.transaction(async (records) => {
    await expectFiles(records, request);
    // It may have been deleted since it was looked up.
    for (const { name, field, isFineTuned } of named) {
      if (isFineTuned && (await records.models.find(name)) === undefined)
        throw new RefusedError("unknown_model", `The model \`${name}\` does not exist`, { field });
    }
    const job = await records.jobs.add({
      id: newId("ftjob-"),
      created_at: now(),
      model,
      base: JSON.stringify(places),
      training_file,
      validation_file,
      seed,
      method: JSON.stringify(method),
      metadata: metadata == null ? null : JSON.stringify(metadata),
      model_name: newModelName(model, suffix ?? ""),
    });
    await recorder.note(records, job.id, { message: `Created fine-tuning job: ${job.id}` });
    return job;
  });
}

type NamedModel = { readonly name: string; readonly field: string };
type FoundModel = NamedModel & { readonly place: BaseModel; readonly isFineTuned: boolean };

/** Of the models that a request names. @throws RefusedError for one that is neither served nor made by a job */
export async function findModels(
  request: TrainingRequest,
  sources: ModelSources,
): Promise<{ readonly places: JobModels; readonly named: readonly FoundModel[] }> {
  const { method } = methodOf(request);
  const asked = [{ name: request.model, field: "model" }];
  if (method.teacher !== undefined)
    asked.push({ name: method.teacher.model, field: "method.supervised.teacher.model" });
  const named = await Promise.all(asked.map((each) => findModel(each, sources)));
  const [base, teacher] = named.map(({ place }) => place) as [BaseModel, BaseModel?];
  return { places: { ...base, ...(teacher === undefined ? {} : { teacher }) }, named };
}

async function findModel({ name, field }: NamedModel, { models, findBaseModel }: ModelSources): Promise<FoundModel> {
  const fineTuned = await models.find(name);
  const place = fineTuned === null ? await findBaseModel(name) : { reference: fineTuned.folder, revision: null };
  if (place !== null) return { name, field, place, isFineTuned: fineTuned !== null };
  const use = field === "model" ? "fine-tuned" : "learned from";
  const message = `The model \`${name}\` does not exist, or cannot be ${use} here (GET /v1/models lists those that can)`;
  throw new RefusedError("unknown_model", message, { field });
}

/** @throws RefusedError for files of a request that are not there, or not for training */
export async function expectFiles(
  { files }: Pick<Records, "files">,
  { training_file, validation_file = null }: TrainingRequest,
): Promise<void> {
  for (const [param, id] of Object.entries({ training_file, validation_file })) {
    const file = id === null ? null : await files.find(id);
    if (file === undefined)
      throw new RefusedError("invalid_input", `\`${param}\`: expected the id of an uploaded file, got "${id}"`, {
        field: param,
      });
    if (file !== null && file.purpose !== "fine-tune") {
      const message = `\`${param}\`: expected a file with the purpose "fine-tune", got ${id} with "${file.purpose}"`;
      throw new RefusedError("invalid_input", message, { field: param });
    }
  }
}
