/**
 * @file How the heads of a stage's layers attend to one text: the softmax probabilities, for pictures of them.
 *
 * They are outputs of a program of its own (attentionGraph), since serving fuses attention and never has them in memory. It is compiled
 * when first asked for, with its weights where they lie in the checkpoint, and stays as long as the stage.
 *
 * **Invariant:** up to the last layer that is wanted, every stage runs this program, never the one that serves: so the same bytes come out
 * however the model is cut.
 *
 * Dimensions: L tokens of the text, N heads of a layer, K heads that are wanted.
 */
import { runToHost, type Engine, type Executable, type HostTensor, type ParameterSource } from "@stagecoach/engine";
import type { Graph } from "@stagecoach/graph";
import {
  attentionGraph,
  attentionOutput,
  BatchError,
  stageInputs,
  type EncoderModel,
  type HiddenBatch,
  type LayerRange,
  type TokenBatch,
} from "@stagecoach/transformer";
import { MAX_ATTENTION_VALUES } from "./microBatchFrames.ts";
import type { StageOutput } from "./stage.ts";

export type StageAttentionOptions = {
  readonly engine: Engine;
  readonly model: EncoderModel;
  readonly layers: LayerRange;
  readonly parameters: ParameterSource;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};

type Head = { readonly layer: number; readonly head: number };
type Program = { readonly graph: Graph; readonly executable: Executable };

export class StageAttention {
  readonly #options: StageAttentionOptions;
  #program: Program | null = null;

  constructor(options: StageAttentionOptions) {
    this.#options = options;
  }

  /**
   * @returns `[k, L * L]`: a matrix for each of the wanted heads that are of this stage's layers, a row of it for each token that looks;
   * with the hidden rows where a later layer is wanted
   * @throws BatchError, ParameterError, EngineFailureError
   */
  async run(batch: TokenBatch | HiddenBatch): Promise<StageOutput> {
    const { model, layers, now } = this.#options;
    const { hiddenSize } = model.config;
    const heads = wantedHeads(batch, model);
    const L = batch.lengths[0]!;
    const own = heads.filter(({ layer }) => layer >= layers.start && layer < layers.end);
    const isLast = heads.every(({ layer }) => layer < layers.end);
    const nothing = { shape: [0, hiddenSize], data: new Float32Array() };
    if (isLast && own.length === 0) return { shape: [0, L * L], data: new Float32Array(), hidden: nothing, busyMs: 0 };
    const start = now();
    const { graph, executable } = (this.#program ??= await this.#compile());
    const names = [
      ...new Set(own.map(({ layer }) => attentionOutput(layer))),
      ...(isLast ? [] : ["last_hidden_state"]),
    ];
    const outputs = await runToHost(executable, stageInputs(model, graph, batch), names);
    const data = new Float32Array(own.length * L * L);
    own.forEach(({ layer, head }, index) => {
      const probabilities = float32Of(outputs, attentionOutput(layer));
      data.set(probabilities.data.subarray(head * L * L, (head + 1) * L * L), index * L * L);
    });
    const hidden = isLast ? nothing : float32Of(outputs, "last_hidden_state");
    return { shape: [own.length, L * L], data, hidden, busyMs: now() - start };
  }

  async close(): Promise<void> {
    await this.#program?.executable.dispose();
    this.#program = null;
  }

  async #compile(): Promise<Program> {
    const { engine, model, layers, parameters } = this.#options;
    const graph = attentionGraph(model, layers);
    return { graph, executable: await engine.compile(graph, parameters, { isOccasional: true }) };
  }
}

/** @throws BatchError */
function wantedHeads({ lengths, attentionHeads }: TokenBatch | HiddenBatch, { config }: EncoderModel): Head[] {
  const numbers = attentionHeads ?? new Int32Array();
  const heads = Array.from({ length: numbers.length / 2 }, (_, index) => ({
    layer: numbers[2 * index]!,
    head: numbers[2 * index + 1]!,
  }));
  if (lengths.length !== 1) throw new BatchError(`attention: expected one text, got ${lengths.length}`);
  const most = Math.floor(MAX_ATTENTION_VALUES / lengths[0]! ** 2);
  if (heads.length === 0 || heads.length > most)
    throw new BatchError(
      `attention: expected 1 to ${most} heads for a text of ${lengths[0]} tokens, got ${heads.length}`,
    );
  const { numLayers, numHeads } = config;
  heads.forEach(({ layer, head }, index) => {
    const isInOrder = index === 0 || heads[index - 1]!.layer <= layer;
    if (isInOrder && layer >= 0 && layer < numLayers && head >= 0 && head < numHeads) return;
    throw new BatchError(
      `attention: expected heads by layer, of ${numLayers} layers with ${numHeads} heads each, got head ${head} of layer ${layer}`,
    );
  });
  return heads;
}

function float32Of(outputs: Readonly<Record<string, HostTensor>>, name: string) {
  const { shape, data } = outputs[name]!;
  if (!(data instanceof Float32Array)) throw new Error(`internal: stage output "${name}" is not float32`);
  return { shape, data };
}
