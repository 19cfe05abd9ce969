/**
 * @file One stage of a task model in training: the layers of serving (encoderStack.ts), dropout, and on the last stage the
 * task's head and loss. The backward pass is derived from what is traced here (libs/graph, gradient.ts).
 *
 * Dimensions: T packed tokens, B texts, L longest text, D hidden size.
 */
import { add, addAll, concat, gatherRows, graphOf, input, mul, sum, withScope, type Tensor } from "@stagecoach/graph";
import { encoderStack, type LayerRange } from "../encoderStack.ts";
import { packingInputs } from "../packing.ts";
import { encoderDropout, headDropout, type DropoutRates } from "./dropoutSites.ts";
import type { FeatureRows } from "./featureRows.ts";
import { HIDDEN_LOSS, HiddenLoss } from "./hiddenLoss.ts";
import { embeddingLoss } from "./losses/embeddingLoss.ts";
import { hiddenOf, lossPartsOf, type SentenceEmbeddingTask, type Task } from "./task.ts";
import { taskLosses } from "./taskLosses.ts";
import { architectureOf, type TaskModel } from "./taskModel.ts";

export type TrainingStageOptions = {
  /** null: no dropout, as in evaluation. */
  readonly dropout: DropoutRates | null;
  /**
   * Padding tokens have packed rows of their own and are not attended to, as in programs that pad their batches: takes the
   * input `key_mask` `[B, L]`, from the target `attention_mask`. Only question answering's loss differs by it.
   */
  readonly withPaddingRows?: boolean;
  /** The last layer's stage gives these rows instead of a head's outputs. */
  readonly features?: FeatureRows | undefined;
  /** Numbers of hidden states (HiddenDistillation) that are given besides, in order. */
  readonly states?: readonly number[] | undefined;
};

/** What stages give besides activations, for those after them: a target of the same name there, this before it in the names of outputs. */
export const CARRIED = "carried.";
/** Hidden states that were asked for, side by side: `[T, states so far times D]`. */
export const STATES = "states";

export type TracedStage = {
  /**
   * Stages before the last: `hidden` `[T, D]`; with `features` the last too, `[B, D]` of first rows. The last: `loss` `[]`, `loss.<part>` `[]` where the task has several parts,
   * and the task's outputs (task.ts); no loss where that compares the whole step (stepLossGraph). `carried.hidden_loss` `[]` of a stage that compares
   * hidden states, unless a loss has it already, and `carried.states` of one that was asked for them.
   */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** The input `hidden` `[T, D]` of stages after the first: what the backward pass differentiates by for the stage before. */
  readonly hidden: Tensor | null;
  /** In the order of the model. MPNet's relative position bias is in every stage. */
  readonly parameters: readonly Tensor[];
};

/**
 * Layers from the last one's end on are the head alone. Inputs: those of stageGraph; on the last stage the task's targets (task.ts) and `scale.<part>` `[]`; with dropout a mask
 * per site (dropoutSites.ts).
 *
 * @throws UnsupportedModelError for a task that the family does not have
 */
export function trainingStageGraph(model: TaskModel, layers: LayerRange, options: TrainingStageOptions): TracedStage {
  architectureOf(model);
  const packing = {
    ...packingInputs(),
    ...(options.withPaddingRows === true ? { keyMask_BL: input("key_mask", ["B", "L"], "int32") } : {}),
  };
  const dropout = options.dropout === null ? undefined : encoderDropout(model, options.dropout);
  const hiddenLoss = HiddenLoss.of(model, layers);
  const given = new StateRows(options.states ?? [], { layers, width: model.config.hiddenSize });
  const onState = (state: number, state_TD: Tensor) => {
    hiddenLoss?.add(state, state_TD);
    given.add(state, state_TD);
  };
  const { input_TD, hidden_TD } = encoderStack(model, layers, { packing, dropout, onState });
  const isLast = layers.end === model.config.numLayers;
  const sofar: Record<string, Tensor> =
    hiddenLoss?.isGrown === true ? { [CARRIED + HIDDEN_LOSS]: hiddenLoss.total! } : {};
  const head = () => {
    const losses = taskLosses({ model, hidden_TD, packing, dropout: headDropout(model, options.dropout) });
    if (losses.terms === null) return { ...losses.outputs, ...sofar };
    return { ...withHidden(scaledLoss(model.task, losses.terms), hiddenLoss?.total ?? null), ...losses.outputs };
  };
  const features = (): Record<string, Tensor> => ({
    hidden: options.features === "first" ? gatherRows(hidden_TD, packing.firstIndex_B) : hidden_TD,
  });
  const own = isLast
    ? withScope("head", options.features === undefined ? head : features)
    : { hidden: hidden_TD, ...sofar };
  const outputs = { ...own, ...given.outputs };
  // Under names of their own: the output `hidden` and the input `hidden` are two tensors.
  const { parameters } = graphOf(new Map(Object.values(outputs).map((tensor, index) => [`output.${index}`, tensor])));
  return { outputs, hidden: input_TD, parameters };
}

/** A loss that compares the texts of a whole step with each other, as a graph of its own. */
export type TracedStepLoss = {
  /** The input `embeddings` `[B, E]`: vectors of all texts of the step. */
  readonly embeddings: Tensor;
  /** `loss` `[]`, and `loss.<part>` `[]` where there are several parts. */
  readonly outputs: Readonly<Record<string, Tensor>>;
};

/** Inputs: `embeddings`, the task's targets over all texts of the step, `scale.<part>` `[]`. */
export function stepLossGraph({ modules }: TaskModel, task: SentenceEmbeddingTask): TracedStepLoss {
  const embeddings = input("embeddings", ["B", modules.dimensions], "float32");
  return { embeddings, outputs: scaledLoss(task, embeddingLoss(embeddings, task)) };
}

/** Hidden states that are asked for, as they come: those of stages before first. */
class StateRows {
  readonly #asked: readonly number[];
  readonly #own: Tensor[] = [];
  readonly #before: Tensor | null;

  constructor(asked: readonly number[], stage: { readonly layers: LayerRange; readonly width: number }) {
    const { layers, width } = stage;
    this.#asked = asked;
    const numBefore = layers.start === 0 ? 0 : asked.filter((state) => state <= layers.start).length;
    this.#before = numBefore === 0 ? null : input(STATES, ["T", numBefore * width], "float32");
  }

  add(state: number, hidden_TD: Tensor): void {
    if (this.#asked.includes(state)) this.#own.push(hidden_TD);
  }

  get outputs(): Record<string, Tensor> {
    if (this.#own.length === 0) return {};
    return { [CARRIED + STATES]: concat([...(this.#before === null ? [] : [this.#before]), ...this.#own], 1) };
  }
}

/** The loss of the head with that of hidden states, which is a part by itself. */
function withHidden(losses: Record<string, Tensor>, hidden: Tensor | null): Record<string, Tensor> {
  if (hidden === null) return losses;
  return { ...losses, loss: add(losses["loss"]!, hidden), "loss.hidden": hidden };
}

function scaledLoss(task: Task, terms: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const parts = lossPartsOf(task).map((part): [string, Tensor] => {
    const term = terms[part];
    if (term === undefined) throw new Error(`internal: task ${task.name} gives no terms for the loss part "${part}"`);
    return [part, mul(sum(term), input(`scale.${part}`, [], "float32"))];
  });
  const [[, first], ...rest] = parts as [[string, Tensor], ...[string, Tensor][]];
  const loss = addAll(first, ...rest.map(([, part]) => part));
  return rest.length === 0 && hiddenOf(task) === undefined
    ? { loss }
    : { loss, ...Object.fromEntries(parts.map(([name, part]) => [`loss.${name}`, part])) };
}
