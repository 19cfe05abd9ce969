/**
 * @file What a frozen encoder gives for a job's examples: computed once by the job's stages, before the first step, and kept in the
 * job's folder. The steps train the head alone, in one stage, on these features.
 */
import { BatchedDataSet, frozenBy, textsOfExample, TrainingError, type TrainingPipeline } from "@stagecoach/training";
import {
  diskError,
  FeatureFile,
  linkDurably,
  publishFolder,
  writeDurably,
  type DataSets,
  type ExampleSet,
} from "@stagecoach/training/node";
import { featureRowsOf, taskNames, taskParameters, type FeatureRows, type TaskModel } from "@stagecoach/transformer";
import { stagesFingerprint } from "@stagecoach/transformer/node";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Hyperparameters } from "../jobs/hyperparameters.ts";
import type { OpenPipeline, PipelineRequest } from "./pipelineRequest.ts";
import { whileStagesLast } from "./whileStagesLast.ts";

type SetName = "train" | "validation" | "test";
type Sets = Pick<DataSets, SetName>;

export type FillOptions = {
  /** Where features are kept. */
  readonly folder: string;
  readonly openPipeline: OpenPipeline;
  /** In examples. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal | undefined;
};

/** What is in the folder, written last. */
type Contents = {
  readonly digest: string;
  /** The encoder's weights as its stages have saved them. */
  readonly weights: readonly string[];
};

const CONTENTS_FILE = "features.json";
const fileOf = (name: SetName) => `${name}.f32`;
const BATCH = 32;

const wrong = (message: string) => new TrainingError("training_option", `cache features: ${message}`);

/**
 * @param job.freeze - patterns of what is frozen
 * @returns null where the job does not ask for it
 * @throws TrainingError where a text's features change from one epoch to the next
 */
export function featureCacheOf(
  model: TaskModel,
  sets: Sets,
  job: { readonly given: Hyperparameters; readonly freeze: readonly string[] },
): FeatureCache | null {
  const { cache_features: isAsked, dropout, attention_dropout } = job.given;
  if (isAsked !== true) return null;
  const rows = featureRowsOf(model.task.name);
  if (rows === null) {
    const tasks = taskNames.filter((name) => featureRowsOf(name) !== null);
    throw wrong(`expected the task ${tasks.join(", ")}, got ${model.task.name}`);
  }
  for (const [name, rate] of Object.entries({ dropout, "attention dropout": attention_dropout })) {
    if (rate !== undefined && rate > 0)
      throw wrong(`expected an encoder without dropout, got ${name} ${rate} (leave it out: it is 0 then)`);
  }
  const isFrozen = frozenBy(job.freeze);
  const trained = taskParameters(model).filter(({ name, isHead }) => !isHead && !isFrozen(name));
  if (trained.length > 0) {
    const got = `${trained[0]!.name}${trained.length === 1 ? "" : ` and ${trained.length - 1} others`} to train`;
    throw wrong(`expected a frozen encoder, got ${got} (freeze base_model)`);
  }
  return new FeatureCache(model, rows, sets);
}

export class FeatureCache {
  readonly #model: TaskModel;
  readonly #rows: FeatureRows;
  readonly #sets: ReadonlyMap<SetName, ExampleSet>;
  readonly #files = new Map<ExampleSet, FeatureFile>();

  constructor(model: TaskModel, rows: FeatureRows, sets: Sets) {
    this.#model = model;
    this.#rows = rows;
    const names = ["train", "validation", "test"] as const;
    this.#sets = new Map(names.flatMap((name) => (sets[name] === undefined ? [] : [[name, sets[name]] as const])));
  }

  /** Features of a set's examples by their numbers; there once `fill` has resolved. */
  readerOf(set: ExampleSet): (example: number) => Float32Array {
    return (example) => {
      const file = this.#files.get(set);
      if (file === undefined) throw new Error("internal: features before they were computed");
      return file.read(example);
    };
  }

  /**
   * Computes what the folder does not have yet.
   *
   * @param request - for the whole model
   * @returns what opens the head's pipeline for it
   * @throws TrainingError `disk_full`; what the pipeline throws; the signal's reason
   */
  async fill(request: PipelineRequest, options: FillOptions): Promise<OpenPipeline> {
    const { folder, openPipeline } = options;
    const digest = await this.#digestOf(request);
    let contents = await readContents(folder);
    if (contents?.digest !== digest) {
      try {
        contents = await this.#compute(request, { ...options, digest });
      } catch (error) {
        throw diskError(error, "features");
      }
    }
    for (const [name, set] of this.#sets)
      this.#files.set(set, FeatureFile.open(join(folder, fileOf(name)), this.#layoutOf(set)));
    return headPipelines(openPipeline, { folder, files: contents.weights });
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  /** The folder appears as a whole. */
  async #compute(request: PipelineRequest, options: FillOptions & { readonly digest: string }): Promise<Contents> {
    const { folder, openPipeline, digest } = options;
    const temporary = `${folder}.tmp`;
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    const settings = { ...request.settings, dropout: null, part: "encoder" as const };
    // The cut into batches decides the last bits, and must not depend on what the head is trained with.
    const maxTokens = BATCH * Math.max(...[...this.#sets.values()].map(({ encoded }) => encoded.report.longest));
    const whole = { ...request, settings, maxMicroBatchTokens: maxTokens };
    try {
      const weights = await whileStagesLast(openPipeline, whole, async (pipeline) => {
        await this.#computeAll(pipeline, { ...options, folder: temporary });
        return pipeline.save(temporary);
      });
      const contents: Contents = { digest, weights };
      await writeDurably(join(temporary, CONTENTS_FILE), `${JSON.stringify(contents, null, 2)}\n`);
      await publishFolder(temporary, folder);
      return contents;
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async #computeAll(
    pipeline: TrainingPipeline,
    { folder, onProgress, signal }: Omit<FillOptions, "openPipeline">,
  ): Promise<void> {
    const total = [...this.#sets.values()].reduce((sum, { examples }) => sum + examples.length, 0);
    let done = 0;
    for (const [name, set] of this.#sets) {
      const file = FeatureFile.create(join(folder, fileOf(name)), this.#layoutOf(set));
      try {
        for (const { batch, examples } of this.#tokensOf(set).evaluationBatches()) {
          signal?.throwIfAborted();
          const rows = Object.values(await pipeline.evaluate(batch))[0]!;
          file.write(examples, rows.data as Float32Array);
          done += examples.length;
          onProgress({ done, total });
        }
        file.sync();
      } finally {
        file.close();
      }
    }
  }

  #tokensOf({ encoded, examples }: ExampleSet): BatchedDataSet {
    return new BatchedDataSet(encoded, {
      seed: 0,
      task: this.#model.task,
      examples,
      batchSize: 1,
      evaluationBatchSize: BATCH,
    });
  }

  #layoutOf({ encoded, examples }: ExampleSet) {
    const { task, config } = this.#model;
    const numTexts = textsOfExample(task);
    const rowsOf = this.#rows === "first" ? () => numTexts : (example: number) => encoded.store.lengthOf(example);
    return { examples, rowsOf, width: config.hiddenSize };
  }

  /** Of all that decides the features. */
  async #digestOf({ folder, settings: { seed }, engine, threads }: PipelineRequest): Promise<string> {
    const hash = createHash("sha256").update(await stagesFingerprint(folder));
    hash.update(JSON.stringify({ rows: this.#rows, seed, engine, threads, sets: [...this.#sets.keys()] }));
    for (const { encoded, examples } of this.#sets.values()) {
      for (const example of examples) {
        const { ids, firstSegment } = encoded.store.get(example);
        hash.update(`${ids.length} ${firstSegment}:`).update(ids);
      }
    }
    return hash.digest("hex");
  }
}

async function readContents(folder: string): Promise<Contents | null> {
  const path = join(folder, CONTENTS_FILE);
  return existsSync(path) ? (JSON.parse(await readFile(path, "utf8")) as Contents) : null;
}

/** Pipelines of the head alone. Their checkpoints are whole: the encoder's weights come in as links to files that stay as they are. */
function headPipelines(
  open: OpenPipeline,
  encoder: { readonly folder: string; readonly files: readonly string[] },
): OpenPipeline {
  const opened = new WeakMap<TrainingPipeline, TrainingPipeline>();
  return async (request, lost) => {
    const settings = { ...request.settings, part: "head" as const };
    const known = lost === null ? null : (opened.get(lost) ?? null);
    const head = await open({ ...request, settings, numStages: 1 }, known);
    const pipeline: TrainingPipeline = {
      numStages: 1,
      accumulate: (step) => head.accumulate(step),
      apply: (step) => head.apply(step),
      evaluate: (batch) => head.evaluate(batch),
      async save(folder) {
        const own = await head.save(folder);
        const names = encoder.files.map((_, stage) => `encoder-${stage}.safetensors`);
        for (const [stage, file] of encoder.files.entries())
          await linkDurably(join(encoder.folder, file), join(folder, names[stage]!));
        return [...own, ...names];
      },
      restore: (folder, files) => head.restore(folder, files),
      close: () => head.close(),
    };
    opened.set(pipeline, head);
    return pipeline;
  };
}
