/**
 * @file A training job from its settings to a model: what `stagecoach train` and the trainer of the gateway's jobs do alike.
 *
 * A folder in which a run has begun goes on with it, with the settings that it began with.
 */
import {
  evaluationReport,
  runTraining,
  stopKindOf,
  type ClassReport,
  type DataReport,
  type Evaluation,
  type EvaluationReport,
  type LoggedEvaluation,
  type StopKind,
  type TrainingEvent,
  type TrainingOptions,
  type TrainingSummary,
} from "@stagecoach/training";
import {
  CheckpointFolder,
  exportModel,
  exportModelFiles,
  StepLogFile,
  type CheckpointFolderOptions,
  type DataSets,
} from "@stagecoach/training/node";
import type { ResolvedModel } from "@stagecoach/transformer/node";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { threadsEach } from "../config/threadsEach.ts";
import type { Trial } from "../jobs/searchSchema.ts";
import type { SearchEvent } from "../search/searchEvents.ts";
import { adapterBaseOf } from "./adapterBase.ts";
import { evaluationsOf, keepEvaluation } from "./evaluationFile.ts";
import { jobTexts } from "./jobCard.ts";
import {
  askTeacher,
  closeJobData,
  dataFacts,
  openJobData,
  pinned,
  type JobData,
  type JobDataEvent,
} from "./jobData.ts";
import { jobPaths, lockJobFolder, readJobSettings, writeJobSettings } from "./jobFolder.ts";
import type { OpenPipeline, PipelineRequest } from "./pipelineRequest.ts";
import { planJob, type JobPlan } from "./planJob.ts";
import { dataWarnings } from "./prepareData.ts";
import type { ResolvedHyperparameters } from "./resolveHyperparameters.ts";
import { runOptionsOf } from "./runOptions.ts";
import type { Teaching } from "./teacher.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

export type JobEvent =
  | JobDataEvent
  /** Examples of which the frozen encoder's features are computed. */
  | { readonly type: "caching"; readonly done: number; readonly total: number }
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
  | SearchEvent
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
  /** What was read for several jobs, with its teacher asked; read here when left out. */
  readonly shared?: JobData;
  /** Where a frozen encoder's features are kept, for several jobs that take turns to compute them; its own folder when left out. */
  readonly features?: { readonly folder: string; readonly inTurn: <T>(work: () => Promise<T>) => Promise<T> };
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
      /** Of the exported model, for each set that it was evaluated or tested on, where its task has such. */
      readonly evaluations: readonly EvaluationReport[];
      /** Of a search. */
      readonly trials?: readonly Trial[];
    }
  /** `step`: null when it had not begun. */
  | { readonly status: "stopped"; readonly kind: StopKind; readonly step: number | null };

/** A run of a search: it may stop at one of its milestones, is not tested, and no model comes of it. */
export type TrialOptions = TrainingJobOptions &
  Required<Pick<TrainingOptions, "milestones">> & { readonly until: number };

export type TrialResult = {
  readonly summary: TrainingSummary;
  readonly evaluations: readonly LoggedEvaluation[];
};

/** Above this a fine-tuned model usually forgets what it knew. */
const HIGH_LEARNING_RATE = 1e-2;

/**
 * @throws TrainingError, TrainingJobError, DataError, CheckpointError and what the pipeline throws, all for people; after an error the
 *   job can go on from its last checkpoint
 */
export async function runTrainingJob(given: TrainingSettings, options: TrainingJobOptions): Promise<TrainingJobResult> {
  try {
    return await new TrainingJob(options).run(given);
  } catch (error) {
    const stop = stopKindOf(options.signal);
    if (stop === null || error !== options.signal?.reason) throw error;
    return { status: "stopped", kind: stop, step: null };
  }
}

/** @throws as `runTrainingJob`; the signal's reason */
export function runTrial(given: TrainingSettings, options: TrialOptions): Promise<TrialResult> {
  return new TrainingJob(options, options).trial(given);
}

type Trained = {
  readonly summary: TrainingSummary;
  readonly checkpoints: CheckpointFolder;
  readonly log: StepLogFile;
};

class TrainingJob {
  readonly #options: TrainingJobOptions;
  readonly #part: Pick<TrialOptions, "milestones" | "until"> | null;
  #classes: readonly ClassReport[] | undefined;

  constructor(options: TrainingJobOptions, part: Pick<TrialOptions, "milestones" | "until"> | null = null) {
    this.#options = options;
    this.#part = part;
  }

  run(given: TrainingSettings): Promise<TrainingJobResult> {
    return this.#prepare(given, (job) => this.#train(job, (trained) => this.#finish(job, trained)));
  }

  trial(given: TrainingSettings): Promise<TrialResult> {
    return this.#prepare(given, (job) =>
      this.#train(job, async ({ summary, log }) => ({ summary, evaluations: log.evaluations })),
    );
  }

  async #prepare<Result>(given: TrainingSettings, train: (job: PreparedJob) => Promise<Result>): Promise<Result> {
    const { folder, signal, shared, openPipeline } = this.#options;
    const lock = lockJobFolder(folder);
    try {
      const begun = await readJobSettings(folder);
      const settings: TrainingSettings = begun === null ? given : { ...begun, stages: given.stages };
      const tell = (event: JobDataEvent) => void this.#tell(event);
      const { base, data, teaching } = shared ?? (await openJobData(settings, { folder, tell, signal }));
      try {
        const { threads = threadsEach(settings.stages) } = settings;
        const plan = await planJob(base.folder, { ...settings, threads }, { ...data, teaching });
        if (shared === undefined)
          await askTeacher({ data, teaching }, settings, { folder, openPipeline, tell, signal });
        const resolved: ResolvedSettings = {
          ...settings,
          ...pinned(settings, { base, teaching }),
          threads,
          task: data.task.name,
          schedule: plan.schedule,
          hyperparameters: plan.hyperparameters,
        };
        await this.#announce(resolved, plan, data);
        return await train({ settings: resolved, base, plan, data, files: filesOf(teaching) });
      } finally {
        if (shared === undefined) closeJobData({ data, teaching });
      }
    } finally {
      lock.release();
    }
  }

  async #announce(settings: ResolvedSettings, { newWeights }: JobPlan, data: DataSets): Promise<void> {
    await this.#tell({ type: "prepared", settings, ...dataFacts(data), newWeights });
    for (const message of dataWarnings(data.reports)) await this.#tell({ type: "warning", message });
    const { learning_rate: rate } = settings.hyperparameters;
    if (rate > HIGH_LEARNING_RATE) {
      const message = `learning rate: ${rate} is far above what transformers are trained with (5e-5 is usual)`;
      await this.#tell({ type: "warning", message });
    }
  }

  async #train<Result>(job: PreparedJob, finish: (trained: Trained) => Promise<Result>): Promise<Result> {
    const paths = jobPaths(this.#options.folder);
    const checkpoints = await CheckpointFolder.open(paths.checkpoints, {
      fingerprint: job.plan.fingerprint,
      keep: job.settings.keep_checkpoints,
      makeRoom: this.#options.makeRoom,
    });
    const log = await StepLogFile.open(paths.log);
    try {
      const summary = await this.#runLoop(job, { checkpoints, log });
      return await finish({ summary, checkpoints, log });
    } finally {
      job.plan.features?.close();
      await log.close();
    }
  }

  /** The model of a run that is over. */
  async #finish(job: PreparedJob, { summary, checkpoints, log }: Trained): Promise<TrainingJobResult> {
    if (summary.status === "stopped") return { status: "stopped", kind: summary.stop!, step: summary.step };
    const { settings, base, plan, data } = job;
    const { model } = jobPaths(this.#options.folder);
    const { name, isHub } = nameOf(settings, base);
    const facts = { settings, base: { name, isHub }, plan, data, summary, log, classes: this.#classes };
    await exportModel(model, {
      checkpoint: await checkpoints.at(summary.bestStep),
      model: plan.model,
      base: base.folder,
      baseName: name,
      labels: data.labels,
      files: job.files,
      unmergedFrom: await adapterBaseOf(settings, base),
      texts: jobTexts(facts),
    });
    await this.#tell({ type: "exported", folder: model });
    const metrics = log.evaluations.find(({ step }) => step === summary.bestStep)?.metrics ?? null;
    const evaluations = await evaluationsOf(this.#options.folder, summary.bestStep);
    const classes = this.#classes ?? null;
    return { status: "succeeded", modelFolder: model, settings, summary, metrics, classes, evaluations };
  }

  async #runLoop(
    job: PreparedJob,
    kept: { readonly checkpoints: CheckpointFolder; readonly log: StepLogFile },
  ): Promise<TrainingSummary> {
    const { settings, base, plan } = job;
    const { engine, threads, schedule, stages: numStages } = settings;
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
    const { openPipeline, signal } = this.#options;
    const features = this.#options.features ?? { folder: jobPaths(this.#options.folder).features, inTurn: atOnce };
    const filled = features.inTurn(async () =>
      plan.features?.fill(request, {
        folder: features.folder,
        openPipeline,
        signal,
        onProgress: (progress) => void this.#tell({ type: "caching", ...progress }),
      }),
    );
    const open = (await filled) ?? openPipeline;
    return runTraining({
      ...kept,
      openPipeline: (lost) => open(request, lost),
      ...runOptionsOf(plan),
      test: this.#part === null ? plan.test : null,
      maxGradientNorm: plan.hyperparameters.max_grad_norm,
      ...(this.#part === null ? {} : { milestones: this.#part.milestones, until: this.#part.until }),
      onEvent: (event) => this.#note(event, job),
      signal,
      now: () => performance.now(),
    });
  }

  async #note(event: TrainingEvent, job: PreparedJob): Promise<void> {
    const { settings, base, plan, data, files } = job;
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
        files,
        unmergedFrom: await adapterBaseOf(settings, base),
      };
      if (!existsSync(modelFiles)) await exportModelFiles(modelFiles, facts);
    }
    if (event.type === "evaluation" && event.isBest) {
      this.#classes = event.evaluation.classes;
      await this.#keepEvaluation("validation", event, job);
    }
    if (event.type === "tested") await this.#keepEvaluation("test", event, job);
    await this.#tell(event);
  }

  async #keepEvaluation(
    split: "validation" | "test",
    { step, evaluation }: Evaluated,
    job: PreparedJob,
  ): Promise<void> {
    const { labels, [split]: set } = job.data;
    const report = evaluationReport(evaluation, { ...set!, task: job.plan.model.task, split, step, labels });
    if (report !== null) await keepEvaluation(this.#options.folder, report);
  }

  async #tell(event: JobEvent): Promise<void> {
    await this.#options.onEvent?.(event);
  }
}

type Evaluated = { readonly step: number; readonly evaluation: Evaluation };

function filesOf(teaching: Teaching | null): PreparedJob["files"] {
  const answers = teaching?.answers ?? null;
  return answers?.learned === "vectors" ? answers.studentFiles() : {};
}

const atOnce = <T>(work: () => Promise<T>): Promise<T> => work();

type PreparedJob = {
  readonly settings: ResolvedSettings;
  readonly base: ResolvedModel;
  readonly plan: JobPlan;
  readonly data: DataSets;
  /** What the model's folder gets besides, by name. */
  readonly files: Readonly<Record<string, Uint8Array>>;
};

/** Only models of the hub are known by name elsewhere; of a folder, its path is nobody's business. */
function nameOf({ model }: TrainingSettings, { source, id }: ResolvedModel): { name: string; isHub: boolean } {
  return source === "folder" ? { name: basename(model), isHub: false } : { name: id, isHub: source !== "package" };
}
