/**
 * @file A training job from its settings to a model: what `stagecoach train` and the trainer of the gateway's jobs do alike.
 *
 * A folder in which a run has begun goes on with it, with the settings that it began with.
 */
import {
  runTraining,
  stopKindOf,
  type ClassReport,
  type DataReport,
  type StopKind,
  type TrainingEvent,
  type TrainingSummary,
} from "@stagecoach/training";
import {
  CheckpointFolder,
  exportModel,
  exportModelFiles,
  StepLogFile,
  type CheckpointFolderOptions,
  type DataSets,
  type LoadProgress,
} from "@stagecoach/training/node";
import { readEncoderModel } from "@stagecoach/transformer";
import { jsonReader, resolveModel, type DownloadProgress, type ResolvedModel } from "@stagecoach/transformer/node";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { threadsEach } from "../config/threadsEach.ts";
import { adapterBaseOf } from "./adapterBase.ts";
import { jobTexts } from "./jobCard.ts";
import { jobPaths, lockJobFolder, readJobSettings, writeJobSettings } from "./jobFolder.ts";
import type { OpenPipeline, PipelineRequest } from "./pipelineRequest.ts";
import { planJob, type JobPlan } from "./planJob.ts";
import { dataWarnings, prepareData } from "./prepareData.ts";
import type { ResolvedHyperparameters } from "./resolveHyperparameters.ts";
import { findTeacher, type Teaching } from "./teacher.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

export type JobEvent =
  | ({ readonly type: "download" } & DownloadProgress)
  | ({ readonly type: "reading" } & LoadProgress)
  /** Texts of which the teacher has been asked. */
  | { readonly type: "teaching"; readonly done: number; readonly total: number }
  | {
      readonly type: "prepared";
      readonly settings: ResolvedSettings;
      readonly reports: readonly DataReport[];
      readonly labels: readonly string[];
      readonly numTrain: number;
      readonly numEvaluation: number;
      readonly numTest: number;
      /** Weights that the base model does not have. */
      readonly newWeights: readonly string[];
    }
  | TrainingEvent
  | { readonly type: "exported"; readonly folder: string };

/** With every "auto" and every default in it. */
export type ResolvedSettings = TrainingSettings & {
  readonly threads: number;
  readonly schedule: JobPlan["schedule"];
  readonly task: NonNullable<TrainingSettings["task"]>;
  readonly hyperparameters: ResolvedHyperparameters;
};

export type TrainingJobOptions = {
  /** The job's own: locked while it runs. */
  readonly folder: string;
  readonly openPipeline: OpenPipeline;
  /** Awaited, in order. */
  readonly onEvent?: (event: JobEvent) => void | Promise<void>;
  /** Called with a checkpoint before it is kept. What it throws ends the run, and the checkpoints before stay. */
  readonly makeRoom?: CheckpointFolderOptions["makeRoom"];
  /** Its reason is a StopKind; any other reason means `shutdown`. */
  readonly signal?: AbortSignal | undefined;
};

export type TrainingJobResult =
  | {
      readonly status: "succeeded";
      readonly modelFolder: string;
      readonly settings: ResolvedSettings;
      readonly summary: TrainingSummary;
      /** Of the exported model; null where nothing was evaluated. */
      readonly metrics: Readonly<Record<string, number | null>> | null;
      /** Of the best evaluation, where this process has made it. */
      readonly classes: readonly ClassReport[] | null;
    }
  /** `step`: null when it had not begun. */
  | { readonly status: "stopped"; readonly kind: StopKind; readonly step: number | null };

/** Above this a fine-tuned model usually forgets what it knew. */
const HIGH_LEARNING_RATE = 1e-2;

/**
 * @throws TrainingError, TrainingJobError, DataError, CheckpointError and what the pipeline throws, all for people; after an error the
 *   job can go on from its last checkpoint
 */
export async function runTrainingJob(given: TrainingSettings, options: TrainingJobOptions): Promise<TrainingJobResult> {
  const lock = lockJobFolder(options.folder);
  try {
    return await new TrainingJob(options).run(given);
  } catch (error) {
    const stop = stopKindOf(options.signal);
    if (stop === null || error !== options.signal?.reason) throw error;
    return { status: "stopped", kind: stop, step: null };
  } finally {
    lock.release();
  }
}

class TrainingJob {
  readonly #options: TrainingJobOptions;
  #classes: readonly ClassReport[] | undefined;

  constructor(options: TrainingJobOptions) {
    this.#options = options;
  }

  async run(given: TrainingSettings): Promise<TrainingJobResult> {
    const { folder, signal } = this.#options;
    const begun = await readJobSettings(folder);
    const settings: TrainingSettings = begun === null ? given : { ...begun, stages: given.stages };
    const base = await this.#resolve(settings);
    const data = await prepareData(base.folder, settings, {
      folder,
      signal,
      onProgress: (progress) => void this.#tell({ type: "reading", ...progress }),
    });
    try {
      const { threads = threadsEach(settings.stages) } = settings;
      const teaching = await this.#findTeacher(settings, base, data);
      const plan = await planJob(base.folder, { ...settings, threads }, { ...data, teaching });
      await teaching?.ask(data, {
        folder: jobPaths(folder).teacher,
        engine: settings.engine,
        threads: settings.threads,
        signal,
        onProgress: (progress) => void this.#tell({ type: "teaching", ...progress }),
      });
      const resolved: ResolvedSettings = {
        ...settings,
        // Whoever goes on with it may stand in another folder, or find a newer revision.
        ...(base.source === "folder" ? { model: base.folder } : { revision: base.revision ?? undefined }),
        ...(teaching === null
          ? {}
          : { teacher: { name: settings.teacher!.model, ...settings.teacher!, model: teaching.folder } }),
        threads,
        task: data.task.name,
        schedule: plan.schedule,
        hyperparameters: plan.hyperparameters,
      };
      await this.#announce(resolved, plan, data);
      return await this.#train({ settings: resolved, base, plan, data });
    } finally {
      data.close();
    }
  }

  async #resolve({ model, revision }: TrainingSettings): Promise<ResolvedModel> {
    return resolveModel(model, {
      revision,
      fromScratch: true,
      onProgress: (progress) => void this.#tell({ type: "download", ...progress }),
      onWarning: (message) => void this.#tell({ type: "warning", message }),
      ...(this.#options.signal === undefined ? {} : { signal: this.#options.signal }),
    });
  }

  async #findTeacher(settings: TrainingSettings, base: ResolvedModel, data: DataSets): Promise<Teaching | null> {
    if (settings.teacher === undefined) return null;
    const { modules: student } = await readEncoderModel(jsonReader(base.folder));
    return findTeacher(settings.teacher, data.task, {
      student,
      signal: this.#options.signal,
      onDownload: (progress) => void this.#tell({ type: "download", ...progress }),
      onWarning: (message) => void this.#tell({ type: "warning", message }),
    });
  }

  async #announce(settings: ResolvedSettings, { newWeights }: JobPlan, data: DataSets): Promise<void> {
    const { reports, labels, train, validation, test } = data;
    const counts = {
      numTrain: train.examples.length,
      numEvaluation: validation?.examples.length ?? 0,
      numTest: test?.examples.length ?? 0,
    };
    await this.#tell({ type: "prepared", settings, reports, labels, ...counts, newWeights });
    for (const message of dataWarnings(reports)) await this.#tell({ type: "warning", message });
    const { learning_rate: rate } = settings.hyperparameters;
    if (rate > HIGH_LEARNING_RATE) {
      const message = `learning rate: ${rate} is far above what transformers are trained with (5e-5 is usual)`;
      await this.#tell({ type: "warning", message });
    }
  }

  async #train(job: PreparedJob): Promise<TrainingJobResult> {
    const { settings, base, plan, data } = job;
    const paths = jobPaths(this.#options.folder);
    const checkpoints = await CheckpointFolder.open(paths.checkpoints, {
      fingerprint: plan.fingerprint,
      keep: settings.keep_checkpoints,
      makeRoom: this.#options.makeRoom,
    });
    const log = await StepLogFile.open(paths.log);
    try {
      const summary = await this.#runLoop(job, { checkpoints, log });
      if (summary.status === "stopped") return { status: "stopped", kind: summary.stop!, step: summary.step };
      const { name, isHub } = nameOf(settings, base);
      const facts = { settings, base: { name, isHub }, plan, data, summary, log, classes: this.#classes };
      await exportModel(paths.model, {
        checkpoint: await checkpoints.at(summary.bestStep),
        model: plan.model,
        base: base.folder,
        baseName: name,
        labels: data.labels,
        unmergedFrom: await adapterBaseOf(settings, base),
        texts: jobTexts(facts),
      });
      await this.#tell({ type: "exported", folder: paths.model });
      const metrics = log.evaluations.find(({ step }) => step === summary.bestStep)?.metrics ?? null;
      const classes = this.#classes ?? null;
      return { status: "succeeded", modelFolder: paths.model, settings, summary, metrics, classes };
    } finally {
      await log.close();
    }
  }

  #runLoop(
    job: PreparedJob,
    kept: { readonly checkpoints: CheckpointFolder; readonly log: StepLogFile },
  ): Promise<TrainingSummary> {
    const { settings, base, plan } = job;
    const { hyperparameters: given, engine, threads, schedule, stages: numStages } = settings;
    const { stageSettings, maxMicroBatchTokens } = plan;
    const request: PipelineRequest = {
      folder: base.folder,
      settings: stageSettings,
      numStages,
      engine,
      threads,
      schedule,
      maxMicroBatchTokens,
    };
    const { early_stopping_patience: patience, early_stopping_threshold: threshold = 0 } = given;
    return runTraining({
      ...kept,
      openPipeline: (lost) => this.#options.openPipeline(request, lost),
      data: plan.train,
      evaluation: plan.evaluation,
      test: plan.test,
      length: { epochs: given.n_epochs, maxSteps: given.max_steps },
      learningRate: {
        shape: given.lr_scheduler,
        peak: given.learning_rate,
        warmup: {
          ...(given.warmup_steps === undefined ? {} : { steps: given.warmup_steps }),
          ...(given.warmup_ratio === undefined ? {} : { ratio: given.warmup_ratio }),
        },
      },
      maxGradientNorm: given.max_grad_norm,
      evaluationSteps: given.eval_steps ?? null,
      checkpointSteps: given.checkpoint_steps ?? null,
      earlyStopping: patience === undefined ? null : { patience, threshold },
      bestMetric: given.metric_for_best_model ?? null,
      onEvent: (event) => this.#note(event, job),
      signal: this.#options.signal,
      now: () => performance.now(),
    });
  }

  async #note(event: TrainingEvent, { settings, base, plan, data }: PreparedJob): Promise<void> {
    if (event.type === "started") {
      const { folder } = this.#options;
      await writeJobSettings(folder, settings);
      const { modelFiles } = jobPaths(folder);
      const { name: baseName } = nameOf(settings, base);
      const facts = {
        model: plan.model,
        base: base.folder,
        baseName,
        labels: data.labels,
        unmergedFrom: await adapterBaseOf(settings, base),
      };
      if (!existsSync(modelFiles)) await exportModelFiles(modelFiles, facts);
    }
    if (event.type === "evaluation" && event.isBest) this.#classes = event.evaluation.classes;
    await this.#tell(event);
  }

  async #tell(event: JobEvent): Promise<void> {
    await this.#options.onEvent?.(event);
  }
}

type PreparedJob = {
  readonly settings: ResolvedSettings;
  readonly base: ResolvedModel;
  readonly plan: JobPlan;
  readonly data: DataSets;
};

/** Only models of the hub are known by name elsewhere; of a folder, its path is nobody's business. */
function nameOf({ model }: TrainingSettings, { source, id }: ResolvedModel): { name: string; isHub: boolean } {
  return source === "folder" ? { name: basename(model), isHub: false } : { name: id, isHub: source !== "package" };
}
