/** @file What the trials of a search read, once for all that read the same: its files, its teacher's answers, its folds. */
import { foldExamples, type Fold } from "@stagecoach/training";
import type { DataSets } from "@stagecoach/training/node";
import { Serial } from "@stagecoach/parallel";
import { askTeacher, closeJobData, openJobData, type JobData, type JobDataOptions } from "../training/jobData.ts";
import { planJob } from "../training/planJob.ts";
import type { OpenPipeline } from "../training/pipelineRequest.ts";
import type { TrainingSettings } from "../training/trainingSettings.ts";

/** Hyper-parameters by which a text is encoded, or a teacher asked for other states; the split is by the search's own seed. */
const deciding = [
  ...(["max_length", "doc_stride", "mlm_probability", "whole_word_mask"] as const),
  ...(["distillation_hidden", "distillation_layers", "distillation_cache_gb"] as const),
];

type SharedDataOptions = JobDataOptions & { readonly openPipeline: OpenPipeline };

export class SharedData {
  readonly #seed: number;
  readonly #options: SharedDataOptions;
  readonly #opened = new Map<string, Promise<JobData>>();
  readonly #folds = new Map<JobData, readonly Fold[]>();
  readonly #reading = new Serial();

  /** @param seed - of the search @param options.folder - its own */
  constructor(seed: number, options: SharedDataOptions) {
    this.#seed = seed;
    this.#options = options;
  }

  /** Read when it is first asked for, its teacher asked. @throws what openJobData throws, and what asking the teacher does */
  of(settings: TrainingSettings): Promise<JobData> {
    const key = encodingOf(settings);
    const opened = this.#opened.get(key) ?? this.#reading.run(() => this.#open(settings));
    this.#opened.set(key, opened);
    return opened;
  }

  /** What a run is trained and evaluated on. @param fold - from 1; null without folds */
  async forRun(settings: TrainingSettings, numFolds: number | undefined, fold: number | null): Promise<JobData> {
    const shared = await this.of(settings);
    if (numFolds === undefined || fold === null) return shared;
    const { encoded, examples } = shared.data.train;
    const folds = this.#folds.get(shared) ?? foldExamples(encoded, examples, { numFolds, seed: this.#seed });
    this.#folds.set(shared, folds);
    const { train, validation } = folds[fold - 1]!;
    return withSets(shared, { train: { encoded, examples: train }, validation: { encoded, examples: validation } });
  }

  /** All of the training data, and nothing to evaluate on. */
  async forAll(settings: TrainingSettings): Promise<JobData> {
    return withSets(await this.of(settings), { validation: undefined });
  }

  async close(): Promise<void> {
    for (const opened of await Promise.allSettled(this.#opened.values()))
      if (opened.status === "fulfilled") closeJobData(opened.value);
  }

  async #open(settings: TrainingSettings): Promise<JobData> {
    const opened = await openJobData({ ...settings, seed: this.#seed }, this.#options);
    try {
      // What is wrong with the settings is found before a teacher spends hours.
      const { threads = 1 } = settings;
      if (opened.teaching !== null)
        await planJob(opened.base.folder, { ...settings, threads }, { ...opened.data, teaching: opened.teaching });
      await askTeacher(opened, settings, this.#options);
    } catch (error) {
      closeJobData(opened);
      throw error;
    }
    return opened;
  }
}

/** The same for all settings whose texts are encoded alike. */
export function encodingOf({ hyperparameters }: TrainingSettings): string {
  return JSON.stringify(deciding.map((name) => hyperparameters?.[name] ?? null));
}

function withSets(shared: JobData, sets: Partial<DataSets>): JobData {
  return { ...shared, data: { ...shared.data, ...sets } };
}
