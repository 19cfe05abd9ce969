/**
 * @file The stage of this worker: its model found on this machine, its engine in threads of its own.
 *
 * Loads and unloads are done one after another, in the order in which they are asked for: a model that is taken away while it
 * loads is given back as soon as it is there.
 */
import {
  canShareProgram,
  Serial,
  type Assignment,
  type FurtherModel,
  type StageHost,
  type StageOutputKind,
  type TimedOutput,
} from "@stagecoach/parallel";
import { StageLanes, type LoadResult } from "@stagecoach/parallel/node";
import type { EngineName } from "@stagecoach/engine/node";
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import { expectAdapterBase, isAdapterFolder } from "@stagecoach/transformer/node";
import { realpath } from "node:fs/promises";
import { engineNamed, resolveAssignedModel } from "./assignedModel.ts";

type Loadable = Pick<Assignment, "model" | "layers" | "engine" | "threads">;

export class EngineHost implements StageHost {
  /** For one engine and thread count; another assignment takes another thread. */
  #lanes: StageLanes | null = null;
  #lanesKey = "";
  readonly #modelFolder: string | null;
  #loadedKey = "";
  #loaded: Promise<LoadResult> | null = null;
  readonly #further = new Map<number, { readonly lanes: StageLanes; readonly key: string }>();
  readonly #changes = new Serial();
  #isLoading = false;
  /** What is loaded as the assignment's own model: adapters of these layers are loaded beside it. */
  #base: { readonly folder: string; readonly layers: string } | null = null;

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
    return this.#isLoading ? 0 : (this.#lanes?.runningMs ?? 0);
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
      this.#loaded = this.#changes.run(() => this.#load(assignment));
      this.#loaded.catch(() => (this.#loaded = null));
    }
    return this.#loaded;
  }

  run(batch: TokenBatch | HiddenBatch, output: StageOutputKind, model?: number): Promise<TimedOutput> {
    if (this.#lanes === null) throw new Error("internal: a run before the stage was loaded");
    return this.#lanes.run(batch, output, model);
  }

  /** A worker that comes back to the same layers keeps what it has loaded; a new engine thread has nothing. */
  loadModel({ number, model, layers }: FurtherModel, { engine, threads }: Assignment): Promise<void> {
    const key = JSON.stringify({ model, layers, engine, threads });
    return this.#changes.run(async () => {
      const loaded = this.#further.get(number);
      if (loaded !== undefined && loaded.lanes === this.#lanes && loaded.key === key) return;
      this.#further.delete(number);
      await this.#loadFurther(number, { model, layers, engine, threads });
      this.#further.set(number, { lanes: this.#lanes!, key });
    });
  }

  unloadModel(number: number): Promise<void> {
    return this.#changes.run(async () => {
      const loaded = this.#further.get(number);
      this.#further.delete(number);
      if (loaded !== undefined && loaded.lanes === this.#lanes) await loaded.lanes.unload(number);
    });
  }

  /** Finish what is under way, a load that has yet to start its thread too, and give the engine back. */
  async stop(): Promise<void> {
    await this.#changes.run(() => this.#stopLanes());
  }

  async #stopLanes(): Promise<void> {
    const lanes = this.#lanes;
    this.#lanes = null;
    this.#base = null;
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

  /** Whether a model is an adapter of the one that is loaded. @throws AdapterError when its base is gone, or another one than before */
  async #isBeside(folder: string, { layers, engine }: Loadable): Promise<boolean> {
    if (!(await isAdapterFolder(folder))) return false;
    const base = await realpath(await expectAdapterBase(folder));
    return base === this.#base?.folder && JSON.stringify(layers) === this.#base.layers && canShareProgram(engine);
  }

  #load(assignment: Assignment): Promise<LoadResult> {
    return this.#whileLoading(async () => {
      const { request, lanes } = await this.#prepare(assignment, this.#modelFolder);
      this.#base = null;
      const loaded = await lanes.load(request);
      this.#base = { folder: await realpath(request.folder), layers: JSON.stringify(request.layers) };
      return loaded;
    });
  }

  #loadFurther(number: number, model: Loadable): Promise<void> {
    return this.#whileLoading(async () => {
      // Not from the folder that this worker was told for its own model.
      const { request, lanes } = await this.#prepare(model, null);
      const isBeside = await this.#isBeside(request.folder, model);
      const further = { ...request, model: number, isBaseVerified: true };
      await (isBeside ? lanes.loadBeside(further) : lanes.load(further));
    });
  }

  async #prepare({ model, layers, engine: named, threads }: Loadable, modelFolder: string | null) {
    const folder = await resolveAssignedModel(model, { modelFolder });
    const engine = engineNamed(named);
    const lanes = await this.#lanesFor(engine, threads);
    return { lanes, request: { folder, pooling: model.pooling, layers, engine, threads } };
  }

  async #whileLoading<T>(load: () => Promise<T>): Promise<T> {
    this.#isLoading = true;
    try {
      return await load();
    } finally {
      this.#isLoading = false;
    }
  }
}
