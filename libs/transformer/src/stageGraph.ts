/**
 * @file The graph of one stage: a contiguous range of a model's layers, with the embeddings on the first stage and the
 * sentence modules on the last.
 *
 * The math of a layer does not know that the model is split.
 *
 * Dimensions: T packed tokens, B batch, L query length, S key length (= L), N heads, D hidden size, E size of the sentence vector.
 */
import { graphOf, withScope, type Graph, type Tensor } from "@stagecoach/graph";
import type { EncoderModel } from "./encoderModel.ts";
import { encoderStack, type LayerRange } from "./encoderStack.ts";
import { packingInputs } from "./packing.ts";
import { linearParameters } from "./parameters.ts";
import { pooler } from "./pooler.ts";
import type { SentenceModules } from "./sentenceModules.ts";
import { headDropout } from "./tasks/dropoutSites.ts";
import { sentenceEmbedding } from "./tasks/heads/sentenceEmbedding.ts";
import type { Task } from "./tasks/task.ts";
import { taskOutputs } from "./tasks/taskOutputs.ts";

export type StageGraphOptions = {
  /** Also give `pooler_output` on the last stage; the checkpoint must have the pooler. */
  readonly withPooler?: boolean;
  /** Also give the task's outputs on the last stage (tasks/taskOutputs.ts). */
  readonly task?: Task;
  /** Apply unit length if that is the last of the model's modules. The server leaves it to the request (`normalize`). */
  readonly withNormalize?: boolean;
};

/**
 * Inputs: `input_ids`, `position_ids`, `token_type_ids` on the first stage, `hidden` `[T, D]` on others; the packing
 * indices (packing.ts); `relative_position_buckets` for MPNet.
 *
 * Outputs: `last_hidden_state` `[T, D]`, the last one of this stage; on the last stage also `sentence_embedding` `[B, E]`, and, if asked for,
 * `pooler_output` and what the task gives (`logits`, `next_sentence_logits`).
 */
export function stageGraph(model: EncoderModel, layers: LayerRange, options: StageGraphOptions = {}): Graph {
  const { config, family } = model;
  const packing = packingInputs();
  const { hidden_TD } = encoderStack(model, layers, { packing });
  const outputs: Record<string, Tensor> = { last_hidden_state: hidden_TD };
  if (layers.end === config.numLayers) {
    const transforms = transformsOf(model, options.withNormalize === true);
    outputs["sentence_embedding"] = withScope("sentence", () =>
      sentenceEmbedding({ ...model.modules, transforms }, hidden_TD, packing),
    );
    if (options.withPooler === true && family.poolerName !== null) {
      const dense = linearParameters(family.poolerName, config.hiddenSize, config.hiddenSize);
      outputs["pooler_output"] = withScope("pooler", () => pooler(hidden_TD, dense, packing));
    }
    if (options.task !== undefined) {
      const task = { ...model, task: options.task };
      const context = { model: task, hidden_TD, packing, dropout: headDropout(task, null) };
      Object.assign(
        outputs,
        withScope("head", () => taskOutputs(context)),
      );
    }
  }
  return graphOf(outputs);
}

/** Name of the output with a layer's probabilities. */
export const attentionOutput = (layer: number): string => `attention.${layer}`;

/**
 * The graph of the same layers that shows how they attend. Nothing of the head or of pooling is in it.
 *
 * Inputs: as of `stageGraph`. Outputs: for each layer `attention.<number>` `[B, N, L, S]`, its softmax probabilities, a row for each token
 * that looks (where a text is shorter than the longest, its columns are 0 and its rows mean nothing); `last_hidden_state` `[T, D]` where there is a next stage.
 */
export function attentionGraph(model: EncoderModel, layers: LayerRange): Graph {
  const outputs: Record<string, Tensor> = {};
  const { hidden_TD } = encoderStack(model, layers, {
    packing: packingInputs(),
    onProbabilities: (layer, probabilities_BNLS) => (outputs[attentionOutput(layer)] = probabilities_BNLS),
  });
  return graphOf(layers.end === model.config.numLayers ? outputs : { ...outputs, last_hidden_state: hidden_TD });
}

/** Of the model's modules, those that are applied: unit length at the end only if it is asked for. */
function transformsOf({ modules }: EncoderModel, withNormalize: boolean): SentenceModules["transforms"] {
  const { transforms } = modules;
  return withNormalize || transforms.at(-1) !== "normalize" ? transforms : transforms.slice(0, -1);
}
