/**
 * @file One stage at work: a range of a model's layers, compiled on an engine, run on one micro-batch after another.
 *
 * Knows nothing of sockets, threads or the other stages. Whoever owns it sees to it that runs do not overlap and that it is
 * on a thread that may block.
 */
import {
  runToHost,
  type BesideProgram,
  type Engine,
  type Executable,
  type ParameterSource,
  type SharedProgram,
} from "@stagecoach/engine";
import type { Graph } from "@stagecoach/graph";
import {
  stageGraph,
  BatchError,
  stageInputs,
  type EncoderModel,
  type HiddenBatch,
  type LayerRange,
  type Task,
  type TokenBatch,
} from "@stagecoach/transformer";
import { checkpointParameters, type ModelWeights } from "./checkpointParameters.ts";
import { calibrationShapes, fitRunCost, type TimedRun } from "./fitRunCost.ts";
import type { RunCost } from "./lengthGroups.ts";
import type { ServedOutput } from "./microBatchFrames.ts";
import { StageAttention } from "./stageAttention.ts";

/** What a micro-batch is to give: hidden rows for the next stage, or what the request wants in the end. */
export type StageOutputKind = "hidden" | ServedOutput;

export type StageOutput = {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** What the next stage reads, where that is not the output itself: of attention, `[T, D]`, or nothing where it has nothing to do. */
  readonly hidden?: { readonly shape: readonly number[]; readonly data: Float32Array };
  /** Time in the engine. */
  readonly busyMs: number;
};

/** `startedAt`: when the engine began, Unix milliseconds with fractions by the clock of the stage's machine. */
export type TimedOutput = StageOutput & { readonly startedAt: number };

export type StageFacts = {
  readonly engine: string;
  /** Bytes of the checkpoint that this stage's weights take. */
  readonly parameterBytes: number;
  readonly loadSeconds: number;
};

export type StageOptions = {
  readonly engine: Engine;
  readonly model: EncoderModel;
  readonly weights: ModelWeights;
  readonly layers: LayerRange;
  /** Scores that the model gives besides vectors. */
  readonly task?: Task | undefined;
  /** Where the compiled stage lies for several engines to run it; only for an engine that can share. */
  readonly program?: SharedProgram | undefined;
  /** Where that of its base lies, for a model that is an adapter. */
  readonly beside?: BesideProgram | undefined;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};

type Compiled = {
  readonly graph: Graph;
  readonly executable: Executable;
  readonly parameters: ParameterSource;
  readonly facts: StageFacts;
};

/** How often each calibration shape is run; the fastest counts, the first one also warms the engine up. */
const CALIBRATION_ROUNDS = 3;

/** Names of a graph's outputs; the first one that it has is meant. */
const outputNames: Readonly<Record<Exclude<StageOutputKind, "attention">, readonly string[]>> = {
  hidden: ["last_hidden_state"],
  tokens: ["last_hidden_state"],
  sentence: ["sentence_embedding"],
  textScores: ["logits", "next_sentence_logits"],
  tokenScores: ["logits"],
  maskedScores: ["masked_lm_logits"],
};

export class Stage {
  readonly facts: StageFacts;
  readonly #options: StageOptions;
  readonly #graph: Graph;
  readonly #executable: Executable;
  readonly #attention: StageAttention;

  private constructor(options: StageOptions, compiled: Compiled) {
    this.#options = options;
    this.#graph = compiled.graph;
    this.#executable = compiled.executable;
    this.#attention = new StageAttention({ ...options, parameters: compiled.parameters });
    this.facts = compiled.facts;
  }

  /**
   * Build and compile the graph of a range of layers.
   * @throws CheckpointError, ParameterError, EngineFailureError
   */
  static async load(options: StageOptions): Promise<Stage> {
    const { engine, model, weights, layers, task, now } = options;
    const start = now();
    const graph = stageGraph(model, layers, task === undefined ? {} : { task });
    const parameters = checkpointParameters(model, weights, task);
    const executable = await compile(options, graph, parameters);
    if (executable === undefined) throw new Error(`internal: ${engine.name} cannot share a program`);
    const facts = {
      engine: engine.description,
      parameterBytes: parameters.usedBytes(),
      loadSeconds: (now() - start) / 1000,
    };
    return new Stage(options, { graph, executable, parameters, facts });
  }

  /** @throws BatchError, EngineFailureError */
  async run(batch: TokenBatch | HiddenBatch, kind: StageOutputKind): Promise<StageOutput> {
    const { model, now } = this.#options;
    if (kind === "attention") return this.#attention.run(batch);
    const name = outputNames[kind].find((each) => this.#graph.outputs.has(each));
    if (name === undefined)
      throw new BatchError(`stage: expected a model with a task for "${kind}", this one has none`);
    const inputs = stageInputs(model, this.#graph, batch);
    const start = now();
    const { [name]: output } = await runToHost(this.#executable, inputs, [name]);
    if (!(output?.data instanceof Float32Array)) throw new Error(`internal: stage output "${name}" is not float32`);
    return { shape: output.shape, data: output.data, busyMs: now() - start };
  }

  /** Time runs of a few shapes and fit what a run costs (lengthGroups.ts). */
  async calibrate(): Promise<RunCost> {
    const { model, layers } = this.#options;
    const kind = layers.end === model.config.numLayers ? "sentence" : "hidden";
    const shapes = calibrationShapes(model.modules.maxLength);
    const fastest = shapes.map(() => Infinity);
    for (let round = 0; round < CALIBRATION_ROUNDS; round++) {
      for (const [index, lengths] of shapes.entries()) {
        const { busyMs } = await this.run(this.#syntheticBatch(lengths), kind);
        fastest[index] = Math.min(fastest[index]!, busyMs);
      }
    }
    const runs: TimedRun[] = shapes.map((lengths, index) => ({ lengths, seconds: fastest[index]! / 1000 }));
    return fitRunCost(runs);
  }

  async close(): Promise<void> {
    await this.#attention.close();
    await this.#executable.dispose();
  }

  #syntheticBatch(textLengths: readonly number[]): TokenBatch | HiddenBatch {
    const { model, layers } = this.#options;
    const lengths = Int32Array.from(textLengths);
    const numTokens = lengths.reduce((a, b) => a + b, 0);
    if (layers.start > 0) return { lengths, hidden: new Float32Array(numTokens * model.config.hiddenSize).fill(0.1) };
    const inputIds = Int32Array.from({ length: numTokens }, (_, row) => (row * 7919) % model.config.vocabSize);
    return { lengths, inputIds, tokenTypeIds: new Int32Array(numTokens) };
  }
}

/** @returns undefined where the engine cannot do what is asked */
function compile(
  { engine, program, beside }: StageOptions,
  graph: Graph,
  parameters: ParameterSource,
): Promise<Executable> | undefined {
  if (beside !== undefined) return engine.compileBeside?.(graph, parameters, beside);
  return program === undefined ? engine.compile(graph, parameters) : engine.compileShared?.(graph, parameters, program);
}
