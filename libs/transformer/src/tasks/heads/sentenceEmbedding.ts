/**
 * @file The vector of a text: pooling and the modules behind it, as serving has them too.
 *
 * Dimensions: T packed tokens, B texts, D hidden size, E size of the vector.
 */
import { add, matMul, parameter, tanh, type Tensor } from "@stagecoach/graph";
import type { EncoderModel } from "../../encoderModel.ts";
import { normalize } from "../../normalization.ts";
import type { PackingIndices } from "../../packing.ts";
import { pool } from "../../pooling.ts";
import type { DenseModule, SentenceModules } from "../../sentenceModules.ts";
import type { SentenceEmbeddingTask } from "../task.ts";

/**
 * @param modules - pooling, and what comes after it
 * @param hidden_TD - what the last layer gave
 * @returns `[B, E]`
 */
export function sentenceEmbedding(
  { pooling, transforms }: Pick<SentenceModules, "pooling" | "transforms">,
  hidden_TD: Tensor,
  packing: PackingIndices,
): Tensor {
  return transforms.reduce<Tensor>(
    (vector, transform) => (transform === "normalize" ? normalize(vector) : denseModule(vector, transform)),
    pool(hidden_TD, pooling, packing),
  );
}

/** The modules that a model of this task has in the end. */
export function trainedModules(
  { modules }: Pick<EncoderModel, "modules">,
  task: SentenceEmbeddingTask,
): SentenceModules {
  return task.addsNormalize === true ? { ...modules, transforms: [...modules.transforms, "normalize"] } : modules;
}

/** Parameters of a dense module are named after its folder, since each has a checkpoint of its own: `2_Dense/linear.weight`. */
function denseModule(x_BD: Tensor, { path, inputSize, outputSize, hasBias, activation }: DenseModule): Tensor {
  const product = matMul(x_BD, parameter(`${path}/linear.weight`, [outputSize, inputSize]), { transposeB: true });
  const projected = hasBias ? add(product, parameter(`${path}/linear.bias`, [outputSize])) : product;
  return activation === "tanh" ? tanh(projected) : projected;
}
