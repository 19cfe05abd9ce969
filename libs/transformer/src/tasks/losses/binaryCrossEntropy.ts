/**
 * @file Binary cross entropy of each class by itself, from logits: torch.nn.BCEWithLogitsLoss before its reduction.
 *
 * Dimensions: B texts, C classes.
 */
import { concat, logSoftmax, mul, neg, padZeros, reshape, sub, sum, type Tensor } from "@stagecoach/graph";

/**
 * `-(y log sigmoid(x) + (1 - y) log sigmoid(-x))` for each logit.
 *
 * `log sigmoid(x)` and `log sigmoid(-x)` are the log-softmax of `(x, 0)`: neither overflows, and the gradient is smooth
 * at 0 too, where the usual form with |x| has a corner.
 *
 * @param logits_BC - C is a number
 * @param labels_BC - float32 from 0 to 1
 * @returns `[B, C]`
 */
export function binaryCrossEntropy(logits_BC: Tensor, labels_BC: Tensor): Tensor {
  const pairs = (x_BC: Tensor) => reshape(x_BC, [...x_BC.shape, 1]);
  const logProbs_BC2 = logSoftmax(padZeros(pairs(logits_BC), { axis: -1, before: 0, after: 1 }));
  const target_BC2 = concat([pairs(labels_BC), pairs(sub(1, labels_BC))], -1);
  return neg(sum(mul(logProbs_BC2, target_BC2), { axis: -1 }));
}
