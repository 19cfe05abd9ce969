/** @file What a student is told by a teacher's softened probabilities: torch.nn.KLDivLoss of logits over a temperature, before its mean. */
import { logSoftmax, mul, softmax, sub, sum, type Tensor } from "@stagecoach/graph";

/**
 * `T^2 sum_c p_c (log p_c - log q_c)` for each row, p the softmax of the teacher's logits / T, q that of the student's. The factor keeps
 * gradients of the size that they have at T = 1 (Hinton et al. 2015, section 2).
 *
 * @returns `[B]`
 */
export function distillationLoss(logits_BC: Tensor, teacher_BC: Tensor, temperature: number): Tensor {
  const [student_BC, softened_BC] = [logits_BC, teacher_BC].map((each) => mul(each, 1 / temperature)) as [
    Tensor,
    Tensor,
  ];
  const difference_BC = sub(logSoftmax(softened_BC), logSoftmax(student_BC));
  return mul(sum(mul(softmax(softened_BC), difference_BC), { axis: -1 }), temperature ** 2);
}
