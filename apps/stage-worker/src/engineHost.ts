/** @file The stage of this worker: its model found on this machine, its engine in a thread of its own. */
import type { Assignment, StageHost, StageOutput, StageOutputKind } from "@stagecoach/parallel";
import { StageThread, type LoadResult } from "@stagecoach/parallel/node";
import { engineNames, type EngineName } from "@stagecoach/engine/node";
import { layoutFingerprint, resolveModel } from "@stagecoach/transformer/node";
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";

/** The model on this machine is another one than the gateway's. */
export class ModelMismatchError extends Error {
  override readonly name = "ModelMismatchError";
  readonly code = "model_mismatch";
}

export class EngineHost implements StageHost {
  /** For one engine and thread count; another assignment takes another thread. */
  #thread: StageThread | null = null;
  #threadKey = "";
  readonly #modelFolder: string | null;
  #loadedKey = "";
  #loaded: Promise<LoadResult> | null = null;
  #isLoading = false;

  /** @param modelFolder - where the model is on this machine, if not where the gateway says */
  constructor(modelFolder: string | null) {
    this.#modelFolder = modelFolder;
  }

  get runningMs(): number {
    return this.#isLoading ? 0 : (this.#thread?.runningMs ?? 0);
  }

  /** A worker that comes back to the same layers keeps what it has loaded. */
  load(assignment: Assignment): Promise<LoadResult> {
    const { model, layers, engine, threads } = assignment;
    const key = JSON.stringify({ model, layers, engine, threads });
    if (key !== this.#loadedKey || this.#loaded === null) {
      this.#loadedKey = key;
      this.#loaded = this.#load(assignment);
      this.#loaded.catch(() => (this.#loaded = null));
    }
    return this.#loaded;
  }

  run(batch: TokenBatch | HiddenBatch, output: StageOutputKind): Promise<StageOutput> {
    if (this.#thread === null) throw new Error("internal: a run before the stage was loaded");
    return this.#thread.run(batch, output);
  }

  /** Finish the run that is under way and give the engine back. */
  async stop(): Promise<void> {
    await this.#thread?.stop();
    this.#thread = null;
  }

  async #threadFor(engine: EngineName, threads: number): Promise<StageThread> {
    const key = `${engine}/${threads}`;
    if (key !== this.#threadKey) await this.stop();
    this.#threadKey = key;
    this.#thread ??= new StageThread({ engine, threads });
    return this.#thread;
  }

  async #load({ model, layers, engine, threads }: Assignment): Promise<LoadResult> {
    this.#isLoading = true;
    try {
      const reference = this.#modelFolder ?? model.reference;
      const { folder } = await resolveModel(reference, { revision: model.revision ?? undefined });
      if ((await layoutFingerprint(folder)) !== model.fingerprint) {
        throw new ModelMismatchError(
          `the model in ${folder} is not the gateway's ${model.reference} (config.json or the checkpoint's layout differ); give this worker the same files`,
        );
      }
      const thread = await this.#threadFor(engineNamed(engine), threads);
      return await thread.load({ folder, layers, engine: engineNamed(engine), threads });
    } finally {
      this.#isLoading = false;
    }
  }
}

function engineNamed(name: string): EngineName {
  const known = engineNames.find((each) => each === name);
  if (known === undefined)
    throw new ModelMismatchError(`the gateway asks for engine "${name}", this worker knows ${engineNames.join(", ")}`);
  return known;
}
