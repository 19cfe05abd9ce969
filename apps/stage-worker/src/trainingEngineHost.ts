/** @file The training stage of this worker: its model found on this machine, its engine in a thread of its own. */
import type { Assignment, FrameTensor, StageFacts, StageTrainingBatch, TrainingStageHost } from "@stagecoach/parallel";
import { EngineThread, programBeside, type EngineName } from "@stagecoach/engine/node";
import type { StageSettings } from "@stagecoach/training";
import type { TrainingStageRequest } from "@stagecoach/training/node";
import { engineNamed, resolveAssignedModel } from "./assignedModel.ts";
import type { ApplyCall, BackwardCall, EvaluateCall, ForwardCall, SharedGradient } from "./trainingThreadMain.ts";

export class TrainingEngineHost implements TrainingStageHost {
  #thread: EngineThread | null = null;
  #threadKey = "";
  #isLoading = false;
  readonly #modelFolder: string | null;
  readonly #onBroken: (error: Error) => void;

  /**
   * @param modelFolder - where the model is on this machine, if not where the trainer says
   * @param onBroken - called when the engine's thread has ended unasked: this process can do no more work
   */
  constructor(modelFolder: string | null, onBroken: (error: Error) => void) {
    this.#modelFolder = modelFolder;
    this.#onBroken = onBroken;
  }

  get runningMs(): number {
    return this.#isLoading ? 0 : (this.#thread?.runningMs ?? 0);
  }

  /** Each epoch begins with a stage that was loaded for it. */
  async loadTraining(assignment: Assignment): Promise<StageFacts> {
    this.#isLoading = true;
    const started = performance.now();
    try {
      const folder = await resolveAssignedModel(assignment.model, {
        modelFolder: this.#modelFolder,
        fromScratch: true,
      });
      const engine = engineNamed(assignment.engine);
      const { layers, threads } = assignment;
      const settings = assignment.training as unknown as StageSettings;
      const request: TrainingStageRequest = { folder, layers, engine, threads, settings };
      const thread = await this.#threadFor(engine, threads);
      const facts = (await thread.call("load", request)) as { readonly engine: string };
      return { engine: facts.engine, parameterBytes: 0, loadSeconds: (performance.now() - started) / 1000 };
    } finally {
      this.#isLoading = false;
    }
  }

  async forward({ microBatch, numMicroBatches, batch, scales }: ForwardCall): Promise<readonly FrameTensor[]> {
    const call: ForwardCall = { microBatch, numMicroBatches, batch, scales };
    return (await this.#call("forward", call, arraysOf(batch))) as readonly FrameTensor[];
  }

  async backward(microBatch: number, gradient: Float32Array | null): Promise<FrameTensor | null> {
    const call: BackwardCall = { microBatch, gradient };
    const data = (await this.#call("backward", call, gradient === null ? [] : [gradient])) as Float32Array | null;
    return data === null ? null : { name: "hidden", dtype: "float32", shape: [data.length], data };
  }

  async evaluate(batch: StageTrainingBatch, scales: ForwardCall["scales"]): Promise<readonly FrameTensor[]> {
    const call: EvaluateCall = { batch, scales };
    return (await this.#call("evaluate", call, arraysOf(batch))) as readonly FrameTensor[];
  }

  async sharedGradient(): Promise<SharedGradient | null> {
    return (await this.#call("sharedGradient", null)) as SharedGradient | null;
  }

  async addSharedGradient(other: SharedGradient): Promise<void> {
    const { dtype, shape, data } = other;
    await this.#call("addSharedGradient", { dtype, shape, data });
  }

  async squares(): Promise<Readonly<Record<string, number>>> {
    return (await this.#call("squares", null)) as Record<string, number>;
  }

  async apply(update: ApplyCall): Promise<void> {
    await this.#call("apply", update);
  }

  async discard(): Promise<void> {
    await this.#call("discard", null);
  }

  async save(folder: string, file: string): Promise<void> {
    await this.#call("save", { folder, name: file });
  }

  async restore(folder: string, files: readonly string[]): Promise<void> {
    await this.#call("restore", { folder, files });
  }

  /** Finish what is under way and give the engine back. */
  async stop(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    await thread?.stop();
  }

  #call(method: string, argument: unknown, arrays: readonly ArrayBufferView[] = []): Promise<unknown> {
    if (this.#thread === null) throw new Error("internal: a training stage was used before it was loaded");
    return this.#thread.call(method, argument, arrays);
  }

  async #threadFor(engine: EngineName, threads: number): Promise<EngineThread> {
    const key = `${engine}/${threads}`;
    if (key !== this.#threadKey) await this.stop();
    this.#threadKey = key;
    if (this.#thread !== null) return this.#thread;
    const main = programBeside(import.meta.url, "trainingThreadMain");
    const thread = new EngineThread(main, { engine, threads });
    void thread.ended.then((error) => this.#thread === thread && this.#onBroken(error));
    return (this.#thread = thread);
  }
}

/** Large arrays move to the thread; a frame's views share one buffer, which moves as a whole and whose other users are done. */
function arraysOf(batch: StageTrainingBatch): readonly ArrayBufferView[] {
  return "hidden" in batch ? [batch.hidden] : [];
}
