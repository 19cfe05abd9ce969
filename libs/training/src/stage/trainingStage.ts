/**
 * @file One stage in training: the forward and backward pass of a range of layers, and the optimizer's update, on an engine.
 *
 * Three kinds of executables work on tensors that stay in the engine: parameters, moments, accumulated gradients, and what a
 * forward pass keeps for its backward pass. Gradients are added up in the order in which backward passes run. Nothing changes
 * until `apply`; `discard` takes back whatever a step has begun.
 *
 * Knows nothing of sockets, threads or the other stages. Whoever owns it sees to it that calls do not overlap.
 *
 * Dimensions: T packed tokens, D hidden size.
 */
import { float32, isHostTensor, type EngineTensor, type HostTensor } from "@stagecoach/engine";
import {
  CARRIED,
  HIDDEN_LOSS,
  STATES,
  trainingStageInputs,
  type HiddenTrainingBatch,
  type TrainingBatch,
} from "@stagecoach/transformer";
import { optimizerTensors, updateScalars, type OptimizerStep } from "../optimizers/optimizer.ts";
import { maskInputs } from "./maskInputs.ts";
import { LocalMaskMaker, type MaskMaker } from "./maskMaker.ts";
import { compileStage, type StageExecutables } from "./stageExecutables.ts";
import { scaleInputs } from "./scaleInputs.ts";
import { HIDDEN_OUTPUT, type TrainingStageOptions } from "./stageOptions.ts";

/** Packed tokens on the first stage, activations on others. */
export type StageBatch = TrainingBatch | (HiddenTrainingBatch & Pick<TrainingBatch, "textIds">);

export type ForwardOptions = {
  readonly microBatch: number;
  /** Of the step. */
  readonly numMicroBatches: number;
  /** Per loss part: 1 / what it counts over the whole step. */
  readonly scales: Readonly<Record<string, number>>;
};

export type TensorMap = Readonly<Record<string, HostTensor>>;

type Kept = {
  readonly inputs: TensorMap;
  readonly masks: TensorMap;
  readonly saved: Readonly<Record<string, EngineTensor>>;
};

export class TrainingStage {
  /** Parameters that this stage trains, by name, in the order of the model. */
  readonly trained: readonly string[];
  readonly isLast: boolean;
  readonly #options: TrainingStageOptions;
  readonly #executables: StageExecutables;
  readonly #maskMaker: MaskMaker | null;
  readonly #held: Readonly<Record<string, EngineTensor>>;
  readonly #kept = new Map<number, Kept>();
  #numBackward = 0;

  private constructor(
    options: TrainingStageOptions,
    executables: StageExecutables,
    held: Record<string, EngineTensor>,
  ) {
    this.#options = options;
    this.#executables = executables;
    this.#held = held;
    const { dropout, maskMaker } = options;
    this.#maskMaker = dropout === null ? null : (maskMaker ?? new LocalMaskMaker(dropout.seed));
    this.trained = executables.trained.map(({ name }) => name);
    this.isLast = options.layers.end === options.model.config.numLayers;
  }

  /** @throws EngineFailureError, and what `parameter` throws */
  static async load(options: TrainingStageOptions): Promise<TrainingStage> {
    const executables = await compileStage(options);
    const held: Record<string, EngineTensor> = {};
    for (const { name } of executables.parameters) held[name] = options.engine.hold(await options.parameter(name));
    for (const { name, shape } of executables.trained) {
      const names = optimizerTensors(name);
      const zeros = () => options.engine.hold(float32(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape));
      for (const each of [names.gradient, names.m, names.v]) held[each] = zeros();
    }
    return new TrainingStage(options, executables, held);
  }

  /**
   * Forward pass of a micro-batch, with dropout; what the backward pass needs stays in the engine.
   * @returns `next_hidden` `[T, D]` first, and what else stages after this one need, under the names of their targets; on the last stage `loss`, its
   *   parts and the task's outputs. A loss that compares the whole step comes with the micro-batch that completes it; it is 0 before
   * @throws BatchError, EngineFailureError
   */
  async forward(batch: StageBatch, { microBatch, numMicroBatches, scales }: ForwardOptions): Promise<TensorMap> {
    const { graphs, forward, stepLoss } = this.#executables;
    const masks = await this.#masksOf(batch);
    const inputs = { ...this.#batchInputs(batch, graphs.forward.inputs), ...scaleInputs(scales) };
    const given = this.#select(graphs.forward.inputs, { ...inputs, ...masks });
    const results = await forward.run(given, { keep: graphs.saved });
    const saved: Record<string, EngineTensor> = {};
    const outputs: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(results)) {
      if (isHostTensor(tensor)) outputs[nameForNext(name)] = tensor;
      else saved[name] = tensor;
    }
    this.#kept.set(microBatch, { inputs, masks, saved });
    if (stepLoss === null) return outputs;
    const part = { embeddings: outputs["embeddings"]!, targets: batch.targets };
    const losses = await stepLoss.add(part, { microBatch, numMicroBatches, scales });
    const hidden = outputs[HIDDEN_LOSS] ?? batch.targets[HIDDEN_LOSS];
    return hidden === undefined ? losses : withHiddenLoss(losses, hidden);
  }

  /**
   * Backward pass of a micro-batch whose forward pass has run; its gradients are added to the step's.
   * @param gradient - of `next_hidden` `[T, D]`; null on the last stage
   * @returns gradient of `hidden` `[T, D]` for the stage before, null on the first
   */
  async backward(microBatch: number, gradient: Float32Array | null): Promise<Float32Array | null> {
    const kept = this.#kept.get(microBatch);
    if (kept === undefined) throw new Error(`internal: backward of micro-batch ${microBatch} before its forward`);
    const results = await this.#runBackward(kept, microBatch, gradient);
    this.#release(kept);
    this.#kept.delete(microBatch);
    this.#numBackward++;
    const towards = results["gradient.hidden"];
    return towards !== undefined && isHostTensor(towards) ? (towards.data as Float32Array) : null;
  }

  async #runBackward(
    kept: Kept,
    microBatch: number,
    gradient: Float32Array | null,
  ): Promise<Readonly<Record<string, HostTensor | EngineTensor>>> {
    const { graphs, backward } = this.#executables;
    if (backward === null) return {};
    const isFirst = this.#numBackward === 0;
    const run = isFirst ? backward : await this.#executables.accumulate();
    const own = this.#rootGradient(microBatch, gradient);
    const sums = isFirst ? {} : Object.fromEntries(this.trained.map((name) => [`sum.${name}`, this.#gradient(name)]));
    const given = {
      ...this.#select(graphs.backward.inputs, { ...kept.inputs, ...kept.masks, ...kept.saved, ...own }),
      ...sums,
    };
    const into = Object.fromEntries(this.trained.map((name) => [`gradient.${name}`, this.#gradient(name)]));
    return run.run(given, { into });
  }

  /** Sum of squares of each accumulated gradient; not finite when a gradient is not. */
  async squares(): Promise<Readonly<Record<string, number>>> {
    const { squares } = this.#executables;
    if (squares === null) return {};
    const given = Object.fromEntries(this.trained.map((name) => [`gradient.${name}`, this.#gradient(name)]));
    const results = await squares.run(given);
    return Object.fromEntries(this.trained.map((name) => [name, firstValue(results[`squares.${name}`])]));
  }

  /** Change the parameters by the accumulated gradients, and begin a new step. */
  async apply(step: OptimizerStep): Promise<void> {
    const { update } = this.#executables;
    if (this.#numBackward === 0) throw new Error("internal: an update without gradients");
    this.discard();
    if (update === null) return;
    const scalars = updateScalars(this.#options.optimizer, step);
    const given: Record<string, HostTensor | EngineTensor> = {};
    const into: Record<string, EngineTensor> = {};
    for (const name of this.trained) {
      const names = optimizerTensors(name);
      for (const each of Object.values(names)) given[each] = this.#held[each]!;
      for (const each of [names.value, names.m, names.v]) into[`next.${each}`] = this.#held[each]!;
    }
    for (const [name, value] of Object.entries(scalars)) given[name] = scalar(value);
    await update.run(this.#executables.selectUpdate(given), { into });
  }

  /** Forget what the step has accumulated and kept. */
  discard(): void {
    for (const kept of this.#kept.values()) this.#release(kept);
    this.#kept.clear();
    this.#executables.stepLoss?.discard();
    this.#numBackward = 0;
  }

  /** The task's outputs (or `next_hidden`, and `states` if asked for) without dropout; keeps nothing. */
  async evaluate(batch: StageBatch, scales: ForwardOptions["scales"]): Promise<TensorMap> {
    const { evaluate, evaluation } = this.#executables;
    const inputs = { ...this.#batchInputs(batch, evaluation.inputs), ...scaleInputs(scales) };
    const results = (await evaluate.run(this.#select(evaluation.inputs, inputs))) as TensorMap;
    const named = Object.fromEntries(Object.entries(results).map(([name, tensor]) => [nameForNext(name), tensor]));
    const before = batch.targets[STATES];
    return this.isLast && before !== undefined ? { [STATES]: before, ...named } : named;
  }

  /** Accumulated gradient of one parameter, and its replacement: how stages that share a weight agree. */
  async readGradient(name: string): Promise<HostTensor> {
    return this.#gradient(name).read();
  }

  replaceGradient(name: string, gradient: HostTensor): void {
    this.#replace(optimizerTensors(name).gradient, gradient);
  }

  /** All tensors of the state: parameters, and `m.<name>`, `v.<name>` of those that are trained. */
  stateTensors(): { readonly name: string; readonly shape: readonly number[] }[] {
    const moments = this.#executables.trained.flatMap(({ name, shape }) => [
      { name: optimizerTensors(name).m, shape },
      { name: optimizerTensors(name).v, shape },
    ]);
    return [...this.#executables.parameters, ...moments];
  }

  readState(name: string): Promise<HostTensor> {
    return this.#held[name]!.read();
  }

  writeState(name: string, tensor: HostTensor): void {
    this.#replace(name, tensor);
  }

  async close(): Promise<void> {
    this.discard();
    Object.values(this.#held).forEach((tensor) => tensor.dispose());
    await this.#executables.dispose();
    await this.#maskMaker?.close();
  }

  #release({ masks, saved }: Kept): void {
    Object.values(saved).forEach((tensor) => tensor.dispose());
    Object.values(masks).forEach(({ data }) => this.#maskMaker?.memory.giveBack(data));
  }

  /** What the backward pass is given to begin with; nothing for a loss of the stage's own. */
  #rootGradient(microBatch: number, gradient: Float32Array | null): TensorMap {
    const { stepLoss } = this.#executables;
    if (stepLoss !== null) return { "gradient.embeddings": stepLoss.gradientOf(microBatch) };
    if (gradient === null) return {};
    const D = this.#options.model.config.hiddenSize;
    return { [`gradient.${HIDDEN_OUTPUT}`]: float32(gradient, [gradient.length / D, D]) };
  }

  #gradient(name: string): EngineTensor {
    return this.#held[optimizerTensors(name).gradient]!;
  }

  #replace(name: string, tensor: HostTensor): void {
    const held = this.#held as Record<string, EngineTensor>;
    held[name]!.dispose();
    held[name] = this.#options.engine.hold(tensor);
  }

  async #masksOf(batch: StageBatch): Promise<TensorMap> {
    const { model, dropout } = this.#options;
    const maker = this.#maskMaker;
    if (maker === null || dropout === null) return {};
    const { inputs } = this.#executables.graphs.forward;
    return maskInputs(inputs, batch, { maker, rates: dropout.rates, config: model.config });
  }

  #batchInputs(batch: StageBatch, inputs: Parameters<typeof trainingStageInputs>[1]): TensorMap {
    return trainingStageInputs(this.#options.model, inputs, batch);
  }

  /** Of what is there, the tensors that a graph takes: its own inputs, and parameters. */
  #select(
    inputs: StageExecutables["graphs"]["forward"]["inputs"],
    own: Readonly<Record<string, HostTensor | EngineTensor>>,
  ): Record<string, HostTensor | EngineTensor> {
    return Object.fromEntries(
      inputs.map(({ attributes }) => {
        const name = attributes["name"] as string;
        const tensor = own[name] ?? this.#held[name];
        if (tensor === undefined) throw new Error(`internal: nothing gives the input "${name}" of a training stage`);
        return [name, tensor];
      }),
    );
  }
}

/** Of an output, as the stage after this one has it among its targets. */
const nameForNext = (output: string): string => (output.startsWith(CARRIED) ? output.slice(CARRIED.length) : output);

/** Of a micro-batch: the loss of the whole step, where it is there, with that of hidden states, which is a part by itself. */
function withHiddenLoss(losses: TensorMap, hidden: Pick<HostTensor, "data">): TensorMap {
  const own = hidden.data[0]!;
  return { ...losses, loss: scalar(losses["loss"]!.data[0]! + own), "loss.hidden": scalar(own) };
}

const scalar = (value: number): HostTensor => float32([value], []);

function firstValue(tensor: HostTensor | EngineTensor | undefined): number {
  if (tensor === undefined || !isHostTensor(tensor)) throw new Error("internal: expected a scalar");
  return tensor.data[0]!;
}
