/** @file Residual connection and layer norm around a sublayer, in BERT's post-norm order. */
import { add, type Tensor } from "@stagecoach/graph";
import { layerNorm, type NormParameters } from "./layerNorm.ts";

/**
 * `LayerNorm(sublayer(x) + x)`: Vaswani et al. 2017 (arXiv 1706.03762), section 3.1.
 * @param sublayer_TD - what the sublayer made of `x_TD`
 */
export function residualLayerNorm(
  sublayer_TD: Tensor,
  x_TD: Tensor,
  { norm, epsilon }: { readonly norm: NormParameters; readonly epsilon: number },
): Tensor {
  return layerNorm(add(sublayer_TD, x_TD), norm, epsilon);
}
