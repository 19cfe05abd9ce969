/**
 * @file Stages one after another in this thread: what training is without workers, and what tests compare workers with.
 *
 * Dimensions: T packed tokens, D hidden size.
 */
import type { TrainingBatch } from "@stagecoach/transformer";
import { globalNorm } from "../optimizers/clipping.ts";
import { HIDDEN_OUTPUT } from "../stage/stageOptions.ts";
import type { StageBatch, TensorMap, TrainingStage } from "../stage/trainingStage.ts";
import { agreeOnShared, type SharedWeight, type StageWithShared } from "./sharedWeights.ts";
import {
  lossScales,
  summarize,
  type StageTimes,
  type StepGradients,
  type StepRequest,
  type TrainingPipeline,
} from "./trainingPipeline.ts";

export type LocalPipelineOptions = {
  /** In order; together all layers of the model. */
  readonly stages: readonly TrainingStage[];
  readonly shared: SharedWeight | null;
  /** Where stages write and read their state (node/stateFiles.ts). */
  readonly files: {
    save(from: StageWithShared, path: { readonly folder: string; readonly name: string }): Promise<void>;
    restore(into: StageWithShared, folder: string, files: readonly string[]): Promise<void>;
  };
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};

export class LocalPipeline implements TrainingPipeline {
  readonly #options: LocalPipelineOptions;

  constructor(options: LocalPipelineOptions) {
    this.#options = options;
  }

  get numStages(): number {
    return this.#options.stages.length;
  }

  async accumulate({ microBatches }: StepRequest): Promise<StepGradients> {
    const { stages } = this.#options;
    const clock = stages.map(() => ({ forward: 0, backward: 0 }));
    const started = this.#options.now();
    const scales = lossScales(microBatches);
    const outputs: TensorMap[] = [];
    for (const stage of stages) stage.discard();
    for (const [microBatch, batch] of microBatches.entries()) {
      let arriving = stageBatch(batch);
      for (const [number, stage] of stages.entries()) {
        const result: TensorMap = await this.#timed(clock[number]!, "forward", () =>
          stage.forward(arriving, { microBatch, numMicroBatches: microBatches.length, scales }),
        );
        if (stage.isLast) outputs.push(result);
        else arriving = hiddenBatch(result, arriving);
      }
    }
    for (const microBatch of microBatches.keys()) {
      let gradient: Float32Array | null = null;
      for (const [number, stage] of [...stages.entries()].toReversed()) {
        const towards: Float32Array | null = gradient;
        gradient = await this.#timed(clock[number]!, "backward", () => stage.backward(microBatch, towards));
      }
    }
    const norm = await this.#gradientNorm();
    const makespan = (this.#options.now() - started) / 1000;
    return summarize(
      outputs,
      norm,
      clock.map((times): StageTimes => ({ ...times, idle: makespan - times.forward - times.backward })),
    );
  }

  async apply(step: Parameters<TrainingPipeline["apply"]>[0]): Promise<void> {
    for (const stage of this.#options.stages) await stage.apply(step);
  }

  async evaluate(batch: TrainingBatch): Promise<TensorMap> {
    const scales = lossScales([batch]);
    let arriving = stageBatch(batch);
    let result: TensorMap = {};
    for (const stage of this.#options.stages) {
      result = await stage.evaluate(arriving, scales);
      if (!stage.isLast) arriving = hiddenBatch(result, arriving);
    }
    return result;
  }

  async save(folder: string): Promise<readonly string[]> {
    const { stages, shared, files } = this.#options;
    const names: string[] = [];
    for (const [number, stage] of stages.entries()) {
      const name = `stage-${number}.safetensors`;
      await files.save({ stage, shared }, { folder, name });
      names.push(name);
    }
    return names;
  }

  async restore(folder: string, names: readonly string[]): Promise<void> {
    const { stages, shared, files } = this.#options;
    for (const stage of stages) await files.restore({ stage, shared }, folder, names);
  }

  async close(): Promise<void> {
    for (const stage of this.#options.stages) await stage.close();
  }

  async #timed<T>(clock: Record<"forward" | "backward", number>, kind: "forward" | "backward", act: () => Promise<T>) {
    const started = this.#options.now();
    const result = await act();
    clock[kind] += (this.#options.now() - started) / 1000;
    return result;
  }

  async #gradientNorm(): Promise<number> {
    const { stages, shared } = this.#options;
    if (shared !== null) await agreeOnShared({ first: stages[0]!, last: stages.at(-1)! }, shared);
    const squares: Record<string, number> = {};
    for (const stage of stages) Object.assign(squares, await stage.squares());
    if (shared !== null) delete squares[shared.copy];
    return globalNorm(squares);
  }
}

/** What the first stage gets: tokens, or features of them. */
function stageBatch(batch: TrainingBatch): StageBatch {
  const { features, lengths, targets, textIds } = batch;
  return features === undefined ? batch : { hidden: features, lengths, targets, textIds };
}

/** What a stage gives besides activations is a target of those after it. */
function hiddenBatch(result: TensorMap, { lengths, targets, textIds }: Omit<StageBatch, "hidden">): StageBatch {
  const { [HIDDEN_OUTPUT]: next, ...carried } = result;
  const { data } = next!;
  const hidden = data instanceof Float32Array ? data : Float32Array.from(data);
  return { hidden, lengths, targets: { ...targets, ...(carried as TrainingBatch["targets"]) }, textIds };
}
