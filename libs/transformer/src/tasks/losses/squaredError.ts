/** @file Squared error: torch.nn.MSELoss before its reduction. */
import { square, sub, type Tensor } from "@stagecoach/graph";

/** `(x - y)^2` for each value. */
export function squaredError(x_BC: Tensor, target_BC: Tensor): Tensor {
  return square(sub(x_BC, target_BC));
}
