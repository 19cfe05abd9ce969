/**
 * @file What a student is told by a teacher's softened probabilities, before the mean: torch.nn.KLDivLoss of logits over a temperature, and
 * torch.nn.BCEWithLogitsLoss where each class is a question of its own.
 *
 * Dimensions: R rows (texts, or labelled tokens), B texts, C classes.
 */
import { logSoftmax, mul, sigmoid, softmax, sub, sum, type Tensor } from "@stagecoach/graph";
import { binaryCrossEntropy } from "./binaryCrossEntropy.ts";

/**
 * `T^2 sum_c p_c (log p_c - log q_c)` for each row, p the softmax of the teacher's logits / T, q that of the student's. The factor keeps
 * gradients of the size that they have at T = 1 (Hinton et al. 2015, section 2).
 *
 * @returns `[R]`
 */
export function distillationLoss(logits_RC: Tensor, teacher_RC: Tensor, temperature: number): Tensor {
  const [student_RC, softened_RC] = softened(temperature, logits_RC, teacher_RC);
  const difference_RC = sub(logSoftmax(softened_RC), logSoftmax(student_RC));
  return mul(sum(mul(softmax(softened_RC), difference_RC), { axis: -1 }), temperature ** 2);
}

/**
 * `-T^2 (p log q + (1 - p) log(1 - q))` for each logit, p the sigmoid of the teacher's / T, q that of the student's. At its least it is what
 * the teacher is unsure of, and not 0.
 *
 * @returns `[B, C]`
 */
export function labelDistillationLoss(logits_BC: Tensor, teacher_BC: Tensor, temperature: number): Tensor {
  const [student_BC, softened_BC] = softened(temperature, logits_BC, teacher_BC);
  return mul(binaryCrossEntropy(student_BC, sigmoid(softened_BC)), temperature ** 2);
}

function softened(temperature: number, ...[student, teacher]: readonly [Tensor, Tensor]): readonly [Tensor, Tensor] {
  return [mul(student, 1 / temperature), mul(teacher, 1 / temperature)];
}
