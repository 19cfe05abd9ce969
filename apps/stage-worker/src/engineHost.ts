/** @file The stage of this worker: its model found on this machine, its engine in threads of its own. */
import type { Assignment, FurtherModel, StageHost, StageOutput, StageOutputKind } from "@stagecoach/parallel";
import { StageLanes, type LoadResult } from "@stagecoach/parallel/node";
import type { EngineName } from "@stagecoach/engine/node";
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import { engineNamed, resolveAssignedModel } from "./assignedModel.ts";

export class EngineHost implements StageHost {
  /** For one engine and thread count; another assignment takes another thread. */
  #lanes: StageLanes | null = null;
  #lanesKey = "";
  readonly #modelFolder: string | null;
  #loadedKey = "";
  #loaded: Promise<LoadResult> | null = null;
  readonly #further = new Map<number, { readonly lanes: StageLanes; readonly key: string }>();
  /** Assignments that are being loaded: a new one can come before the last one is done. */
  #numLoading = 0;

  readonly #onBroken: (error: Error) => void;

  /**
   * @param modelFolder - where the model is on this machine, if not where the gateway says
   * @param onBroken - called when the engine's thread has ended unasked: this process can do no more work
   */
  constructor(modelFolder: string | null, onBroken: (error: Error) => void) {
    this.#modelFolder = modelFolder;
    this.#onBroken = onBroken;
  }

  get runningMs(): number {
    return this.#numLoading > 0 ? 0 : (this.#lanes?.runningMs ?? 0);
  }

  get numPlaces(): number {
    return this.#lanes?.numPlaces ?? 1;
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

  run(batch: TokenBatch | HiddenBatch, output: StageOutputKind, model?: number): Promise<StageOutput> {
    if (this.#lanes === null) throw new Error("internal: a run before the stage was loaded");
    return this.#lanes.run(batch, output, model);
  }

  /** A worker that comes back to the same layers keeps what it has loaded; a new engine thread has nothing. */
  async loadModel({ number, model, layers }: FurtherModel, { engine, threads }: Assignment): Promise<void> {
    const key = JSON.stringify({ model, layers, engine, threads });
    const lanes = await this.#lanesFor(engineNamed(engine), threads);
    const loaded = this.#further.get(number);
    if (loaded?.lanes === lanes && loaded.key === key) return;
    // Not from the folder that this worker was told for its own model.
    const folder = await resolveAssignedModel(model, { modelFolder: null });
    await lanes.load({ model: number, folder, layers, engine: engineNamed(engine), threads });
    this.#further.set(number, { lanes, key });
  }

  async unloadModel(number: number): Promise<void> {
    const loaded = this.#further.get(number);
    this.#further.delete(number);
    if (loaded !== undefined && loaded.lanes === this.#lanes) await loaded.lanes.unload(number);
  }

  /** Finish what is under way, a load that has yet to start its thread too, and give the engine back. */
  async stop(): Promise<void> {
    await this.#loaded?.catch(() => null);
    await this.#stopLanes();
  }

  async #stopLanes(): Promise<void> {
    const lanes = this.#lanes;
    this.#lanes = null;
    await lanes?.stop();
  }

  async #lanesFor(engine: EngineName, threads: number): Promise<StageLanes> {
    const key = `${engine}/${threads}`;
    if (key !== this.#lanesKey) await this.#stopLanes();
    this.#lanesKey = key;
    if (this.#lanes !== null) return this.#lanes;
    const lanes = new StageLanes({ engine, threads });
    void lanes.ended.then((error) => this.#lanes === lanes && this.#onBroken(error));
    return (this.#lanes = lanes);
  }

  async #load({ model, layers, engine, threads }: Assignment): Promise<LoadResult> {
    this.#numLoading++;
    try {
      const folder = await resolveAssignedModel(model, { modelFolder: this.#modelFolder });
      const lanes = await this.#lanesFor(engineNamed(engine), threads);
      return await lanes.load({ folder, pooling: model.pooling, layers, engine: engineNamed(engine), threads });
    } finally {
      this.#numLoading--;
    }
  }
}
