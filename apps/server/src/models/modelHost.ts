/**
 * @file The models that a gateway serves besides the one it was started for, on the workers that run already.
 *
 * A model is loaded when it is added or first asked for. Weights of all of them together stay under a budget: the one that was
 * used longest ago is unloaded for another; one that does not fit alone is refused with the budget's size.
 */
import { Batcher, modelCosts, planStages, type ReplicaSet } from "@stagecoach/parallel";
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
  readonly pipeline: Pick<ReplicaSet, "numStages" | "isUp" | "portOf" | "addModel" | "removeModel">;
  /** Where a model is, by name; null for one that there is not. */
  readonly find: (name: string) => Promise<HostedModel | null>;
  /** Most bytes of checkpoints that are loaded at once. */
  readonly budgetBytes: number;
  readonly maxBatchTokens: number;
  /** Of each of the models. */
  readonly maxQueuedTokens: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly metrics: Pick<Metrics, "observeMicroBatch" | "observeModels" | "forgetModel" | "watchQueue">;
};

type Loaded = {
  readonly number: number;
  readonly bytes: number;
  readonly served: Promise<ServedModel>;
  batcher: Batcher | null;
  usedAt: number;
};

export class ModelHost {
  readonly #options: ModelHostOptions;
  readonly #loaded = new Map<string, Loaded>();
  /** Also of models that are being unloaded and finish what they were asked. */
  readonly #batchers = new Set<Batcher>();
  #nextNumber = 1;
  /** Loads and unloads, one after another. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: ModelHostOptions) {
    this.#options = options;
    options.metrics.watchQueue(() => this.#queued());
  }

  /**
   * The model of a name, loaded.
   * @returns null when there is no such model
   * @throws HttpProblem `model_too_large`; what reading the folder throws; StageFailureError
   */
  async find(name: string): Promise<ServedModel | null> {
    const loaded = this.#loaded.get(name);
    if (loaded !== undefined) {
      loaded.usedAt = this.#options.now();
      return loaded.served;
    }
    const model = await this.#options.find(name);
    return model === null ? null : this.#inTurn(() => this.#load(model));
  }

  /** Forget a model: its folder is about to go. */
  async remove(name: string): Promise<void> {
    await this.#inTurn(() => this.#unload(name));
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(act);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #load(model: HostedModel): Promise<ServedModel> {
    const known = this.#loaded.get(model.name);
    if (known !== undefined) return known.served;
    const bytes = await checkpointBytes(model.folder);
    await this.#makeRoom(model.name, bytes);
    const number = this.#nextNumber++;
    const served = this.#serve(model, number);
    const entry: Loaded = { number, bytes, served, batcher: null, usedAt: this.#options.now() };
    this.#loaded.set(model.name, entry);
    try {
      const result = await served;
      entry.batcher = result.embedder.batcher;
      return result;
    } catch (error) {
      this.#loaded.delete(model.name);
      throw error;
    } finally {
      this.#tell();
    }
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
    const { pipeline, metrics } = this.#options;
    const loaded = this.#loaded.get(name);
    if (loaded === undefined) return;
    this.#loaded.delete(name);
    // Who found it a moment ago has yet to hand its texts over.
    await setImmediate();
    await loaded.batcher?.idle();
    if (loaded.batcher !== null) this.#close(loaded.batcher);
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
    await pipeline.addModel({
      number,
      model: { reference: folder, revision: null, fingerprint: await layoutFingerprint(folder) },
      stages: planStages(modelCosts(model), pipeline.numStages),
    });
    const batcher = this.#openBatcher(name, number);
    return {
      name,
      id: name,
      revision: null,
      createdAt,
      dtype: "float32",
      embedder: new Embedder({ model, tokenizer, batcher, now }),
      scorer: await openScorer(folder, { model, task, tokenizer, batcher, now }),
      isUp: () => pipeline.isUp,
    };
  }

  #openBatcher(name: string, number: number): Batcher {
    const { pipeline, maxBatchTokens, maxQueuedTokens, now, metrics } = this.#options;
    const batcher = new Batcher({
      pipeline: pipeline.portOf(number),
      maxBatchTokens,
      maxQueuedTokens,
      now,
      onMicroBatch: (report) => metrics.observeMicroBatch(name, report),
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
