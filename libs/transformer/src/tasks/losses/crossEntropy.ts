/**
 * @file Cross entropy with class numbers as targets: torch.nn.CrossEntropyLoss before its reduction.
 *
 * Dimensions: M labelled rows, C classes.
 */
import { add, constant, logSoftmax, mul, neg, oneHot, sum, type Tensor } from "@stagecoach/graph";

export type CrossEntropyOptions = {
  /** One per class; 1 without them. */
  readonly classWeights?: readonly number[] | undefined;
  /**
   * Share of a row's target that all classes get alike (Szegedy et al. 2016, arXiv 1512.00567), with weights as
   * torch.nn.CrossEntropyLoss(weight, label_smoothing) has them. Default: 0.
   */
  readonly labelSmoothing?: number | undefined;
};

/**
 * `-weight[label] * log softmax(logits)[label]` for each row; 0 for a label that is no class, such as -100.
 *
 * @param logits_MC - C is a number
 * @param labels_M - int32
 * @returns `[M]`
 */
export function crossEntropy(
  logits_MC: Tensor,
  labels_M: Tensor,
  { classWeights, labelSmoothing = 0 }: CrossEntropyOptions = {},
): Tensor {
  const C = logits_MC.shape.at(-1) as number;
  const isLabel_MC = oneHot(labels_M, C);
  const smoothed_MC =
    labelSmoothing === 0
      ? isLabel_MC
      : add(
          mul(isLabel_MC, 1 - labelSmoothing),
          mul(sum(isLabel_MC, { axis: -1, keepDims: true }), labelSmoothing / C),
        );
  const target_MC =
    classWeights === undefined ? smoothed_MC : mul(smoothed_MC, constant(Float32Array.from(classWeights), [C]));
  return neg(sum(mul(logSoftmax(logits_MC), target_MC), { axis: -1 }));
}
