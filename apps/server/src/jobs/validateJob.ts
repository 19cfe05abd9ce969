/** @file What a request for a job would come to, without making one. */
import type { FileLibrary } from "../files/fileLibrary.ts";
import type { Store } from "../store/openStore.ts";
import { BoundedWork } from "./boundedWork.ts";
import { expectFiles, findModels, type ModelSources } from "./createJob.ts";
import { RefusedError } from "./errors.ts";
import { nothingChecked, type DataFile, type JobCheck, type JobRunner } from "./jobRunner.ts";
import { methodOf, type TrainingRequest } from "./trainingRequest.ts";

export type ValidationOptions = ModelSources & {
  readonly store: Store;
  readonly files: FileLibrary;
  readonly runner: Pick<JobRunner, "check">;
  /** For encoded data that does not fit into memory. */
  readonly dataDir: string;
};

/** Each is a process that may hold some hundred megabytes. */
const MAX_AT_ONCE = 2;

export class JobValidation {
  readonly #options: ValidationOptions;
  readonly #work = new BoundedWork({ max: MAX_AT_ONCE, what: "jobs are being validated" });

  constructor(options: ValidationOptions) {
    this.#options = options;
  }

  /**
   * What would refuse the request or fail the job is a problem of the result.
   *
   * @throws RefusedError as `BoundedWork.run`; the signal's reason; Error where the process that checks is lost
   */
  validate(request: TrainingRequest, signal: AbortSignal): Promise<JobCheck> {
    return this.#work.run(signal, async (ending) => {
      try {
        return await this.#check(request, ending);
      } catch (error) {
        if (!(error instanceof RefusedError) || ending.aborted) throw error;
        const { message, field: param } = error;
        return { ...nothingChecked, problems: [{ message, param, file: null, line: null, column: null }] };
      }
    });
  }

  /** Those at work end with an error. */
  close(): void {
    this.#work.close();
  }

  async #check(request: TrainingRequest, signal: AbortSignal): Promise<JobCheck> {
    const { runner, store, dataDir } = this.#options;
    const { teacher, ...base } = (await findModels(request, this.#options)).places;
    await expectFiles(store, request);
    const { training_file, validation_file = null } = request;
    const dataFiles = {
      training: await this.#fileOf(training_file),
      validation: validation_file === null ? null : await this.#fileOf(validation_file),
    };
    const job = { base, ...(teacher === undefined ? {} : { teacher }), ...methodOf(request) };
    const check = await runner.check(job, { folder: dataDir, dataFiles, signal });
    // What was deleted meanwhile could not be read.
    await expectFiles(store, request);
    return check;
  }

  async #fileOf(id: string): Promise<DataFile> {
    const file = await this.#options.files.find(id);
    return { path: this.#options.files.pathOf(file), filename: file.filename };
  }
}
