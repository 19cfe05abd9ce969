/**
 * @file The models that a gateway serves besides the one it was started for, on the workers that run already.
 *
 * A model is loaded when it is added or first asked for. Weights of all of them together stay under a budget: the one that was
 * used longest ago is unloaded for another; one that does not fit alone is refused with the budget's size.
 *
 * A model can be loaded once all stages are there: who asks for it waits until its deadline, and nobody else waits for that.
 */
import {
  Batcher,
  modelCosts,
  planStages,
  Serial,
  StageFailureError,
  StageUnavailableError,
  type MicroBatchReport,
  type ReplicaSet,
} from "@stagecoach/parallel";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { layoutFingerprint, openModelFolder } from "@stagecoach/transformer/node";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Embedder } from "../embedding/embedder.ts";
import { HttpProblem } from "../http/httpProblem.ts";
import type { ServedModel } from "../http/serving.ts";
import type { Metrics, QueueLevels } from "../metrics/metrics.ts";
import { openScorer } from "./openScorer.ts";

export type HostedModel = {
  readonly name: string;
  /** A Hugging Face folder that all workers can read. */
  readonly folder: string;
  /** Unix seconds. */
  readonly createdAt: number;
};

export type ModelHostOptions = {
  readonly pipeline: Pick<
    ReplicaSet,
    "numStages" | "isUp" | "missingStageOfAny" | "portOf" | "addModel" | "removeModel"
  >;
  /** Where a model is, by name; null for one that there is not. */
  readonly find: (name: string) => Promise<HostedModel | null>;
  /** Most bytes of checkpoints that are loaded at once. */
  readonly budgetBytes: number;
  /** Longest that a request waits for its model. */
  readonly timeoutMs: number;
  readonly maxBatchTokens: number;
  /** Of each of the models. */
  readonly maxQueuedTokens: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly metrics: Pick<Metrics, "observeModels" | "forgetModel" | "watchQueue">;
  readonly onMicroBatch: (model: string, report: MicroBatchReport) => void;
};

type Loaded = {
  readonly number: number;
  readonly bytes: number;
  /** Once all stages have loaded it. */
  readonly served: Promise<ServedModel>;
  /** When it was last asked for. */
  usedAt: number;
  isLoaded: boolean;
};

export class ModelHost {
  readonly #options: ModelHostOptions;
  readonly #loaded = new Map<string, Loaded>();
  /** Also of models that are being unloaded and finish what they were asked. */
  readonly #batchers = new Set<Batcher>();
  #nextNumber = 1;
  /** Models come and go one at a time. */
  readonly #changes = new Serial();

  constructor(options: ModelHostOptions) {
    this.#options = options;
    options.metrics.watchQueue(() => this.#queued());
  }

  /**
   * The model of a name, loaded.
   * @returns null when there is no such model
   * @throws HttpProblem `model_too_large`; what reading the folder throws; StageFailureError
   * @throws StageUnavailableError when it is not loaded in time; it still is for those who ask later
   */
  find(name: string): Promise<ServedModel | null> {
    const { timeoutMs, now } = this.#options;
    return this.#within(timeoutMs, name, this.#find(name, now()));
  }

  /** Models that are loaded, or are being loaded, with the bytes of their weights. */
  loadedModels(): { readonly name: string; readonly bytes: number; readonly isLoaded: boolean }[] {
    return [...this.#loaded].map(([name, { bytes, isLoaded }]) => ({ name, bytes, isLoaded }));
  }

  /** Forget a model: its folder is about to go. */
  async remove(name: string): Promise<void> {
    await this.#changes.run(() => this.#unload(name));
  }

  async #find(name: string, askedAt: number): Promise<ServedModel | null> {
    const known = this.#known(name, askedAt);
    if (known !== undefined) return known.served;
    const model = await this.#options.find(name);
    if (model === null) return null;
    const { served } = await this.#changes.run(() => this.#load(model, askedAt));
    return served;
  }

  /** One that is loaded, or is being loaded. */
  #known(name: string, askedAt: number): Loaded | undefined {
    const known = this.#loaded.get(name);
    if (known !== undefined) known.usedAt = Math.max(known.usedAt, askedAt);
    return known;
  }

  /** Begin to load a model, if that has not begun. */
  async #load(model: HostedModel, askedAt: number): Promise<Loaded> {
    const { name, folder } = model;
    const known = this.#known(name, askedAt);
    if (known !== undefined) return known;
    const bytes = await checkpointBytes(folder);
    await this.#makeRoom(name, bytes);
    const number = this.#nextNumber++;
    const loaded = { number, bytes, served: this.#serve(model, number), usedAt: askedAt, isLoaded: false };
    this.#loaded.set(name, loaded);
    const onFailure = () => {
      if (this.#loaded.get(name) === loaded) this.#loaded.delete(name);
    };
    void loaded.served.then(() => (loaded.isLoaded = true), onFailure).then(() => this.#tell());
    return loaded;
  }

  /** @throws StageUnavailableError when the time has passed first */
  async #within<T>(ms: number, name: string, work: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(this.#deadlineError(name)), ms);
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #deadlineError(name: string): StageUnavailableError {
    const { pipeline, timeoutMs } = this.#options;
    const stage = pipeline.missingStageOfAny;
    const reason = stage === null ? "it takes longer" : "it was not back in time";
    const deadline = `the request's deadline of ${timeoutMs / 1000} s has passed`;
    return new StageUnavailableError(stage, `${reason} to load the model \`${name}\`; ${deadline}`);
  }

  async #makeRoom(name: string, bytes: number): Promise<void> {
    const { budgetBytes } = this.#options;
    if (bytes > budgetBytes) {
      throw new HttpProblem(
        "model_too_large",
        `The model \`${name}\` takes ${bytes} bytes; the budget for models is ${budgetBytes} bytes (--model-memory)`,
      );
    }
    const used = () => [...this.#loaded.values()].reduce((total, each) => total + each.bytes, 0);
    while (used() + bytes > budgetBytes) {
      const [oldest] = [...this.#loaded].toSorted(([, a], [, b]) => a.usedAt - b.usedAt);
      if (oldest === undefined) return;
      await this.#unload(oldest[0]);
    }
  }

  /** What it was asked before is finished first. */
  async #unload(name: string): Promise<void> {
    const { pipeline, metrics, timeoutMs, now } = this.#options;
    const loaded = this.#loaded.get(name);
    if (loaded === undefined) return;
    this.#loaded.delete(name);
    // By then, whoever waits for it has given up.
    const msLeft = Math.max(0, Math.ceil(loaded.usedAt + timeoutMs - now()));
    const model = await this.#within(msLeft, name, loaded.served).catch(() => null);
    // Who found it a moment ago has yet to hand its texts over.
    await setImmediate();
    await model?.embedder.batcher.idle();
    if (model !== null) this.#close(model.embedder.batcher);
    pipeline.removeModel(loaded.number);
    // Its last requests are yet to be counted.
    await setImmediate();
    metrics.forgetModel(name);
    this.#tell();
  }

  async #serve({ name, folder, createdAt }: HostedModel, number: number): Promise<ServedModel> {
    const { pipeline, now } = this.#options;
    const opened = await openModelFolder(folder);
    await opened.close();
    const { model, task } = opened;
    const tokenizer = await loadTokenizer(folder, { lowerCase: model.modules.lowerCase });
    const batcher = this.#openBatcher(name, number);
    try {
      const scorer = await openScorer(folder, { model, task, tokenizer, batcher, now });
      await pipeline.addModel({
        number,
        model: { reference: folder, revision: null, fingerprint: await layoutFingerprint(folder) },
        stages: planStages(modelCosts(model), pipeline.numStages),
      });
      const embedder = new Embedder({ model, tokenizer, batcher, now });
      const facts = { name, id: name, revision: null, createdAt, dtype: "float32" } as const;
      return { ...facts, embedder, scorer, isUp: () => pipeline.isUp };
    } catch (error) {
      this.#close(batcher);
      // What a stage says goes to whoever asks, for whom a model has a name and no folder.
      if (error instanceof StageFailureError) error.message = error.message.replaceAll(folder, name);
      throw error;
    }
  }

  #openBatcher(name: string, number: number): Batcher {
    const { pipeline, maxBatchTokens, maxQueuedTokens, now, onMicroBatch } = this.#options;
    const batcher = new Batcher({
      pipeline: pipeline.portOf(number),
      maxBatchTokens,
      maxQueuedTokens,
      now,
      onMicroBatch: (report) => onMicroBatch(name, report),
    });
    this.#batchers.add(batcher);
    return batcher;
  }

  #close(batcher: Batcher): void {
    batcher.close();
    this.#batchers.delete(batcher);
  }

  #queued(): QueueLevels {
    const levels = { texts: 0, tokens: 0 };
    for (const { queuedTexts, queuedTokens } of this.#batchers) {
      levels.texts += queuedTexts;
      levels.tokens += queuedTokens;
    }
    return levels;
  }

  #tell(): void {
    const bytes = [...this.#loaded.values()].reduce((total, each) => total + each.bytes, 0);
    this.#options.metrics.observeModels({ models: this.#loaded.size, bytes });
  }
}

/** Size of a folder's weights. */
async function checkpointBytes(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".safetensors"));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((a, b) => a + b, 0);
}
