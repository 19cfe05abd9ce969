/**
 * @file Cross entropy with class numbers as targets: torch.nn.CrossEntropyLoss before its reduction.
 *
 * Dimensions: M labelled rows, C classes.
 */
import { constant, logSoftmax, mul, neg, oneHot, sum, type Tensor } from "@stagecoach/graph";

/**
 * `-weight[label] * log softmax(logits)[label]` for each row; 0 for a label that is no class, such as -100.
 *
 * @param logits_MC - C is a number
 * @param labels_M - int32
 * @param classWeights - one per class; 1 without them
 * @returns `[M]`
 */
export function crossEntropy(logits_MC: Tensor, labels_M: Tensor, classWeights?: readonly number[]): Tensor {
  const C = logits_MC.shape.at(-1) as number;
  const isLabel_MC = oneHot(labels_M, C);
  const target_MC =
    classWeights === undefined ? isLabel_MC : mul(isLabel_MC, constant(Float32Array.from(classWeights), [C]));
  return neg(sum(mul(logSoftmax(logits_MC), target_MC), { axis: -1 }));
}
