/**
 * @file How fused operations are written: with ONNX Runtime's own fused operators.
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { formatShape, LOWEST, type FusedOperationName, type Tensor } from "@stagecoach/graph";
import { castTo, reshapeTarget } from "./lowerings.ts";
import { MICROSOFT, type Lowering, type ModelBuilder } from "./modelBuilder.ts";

const microsoft =
  (opType: string): Lowering =>
  (builder, inputs) =>
    builder.emit(opType, inputs, { domain: MICROSOFT });

const epsilonOf = (node: Tensor) => ({ float: node.attributes["epsilon"] as number });

export const fusedLowerings: Readonly<Record<FusedOperationName, Lowering>> = {
  gelu: microsoft("Gelu"),
  biasGelu: microsoft("BiasGelu"),
  geluTanh: microsoft("FastGelu"),
  linear: (builder, inputs) => builder.emit("Gemm", inputs, { attributes: { transB: 1 } }),
  layerNormalization: (builder, inputs, node) =>
    builder.emit("LayerNormalization", inputs, { attributes: { axis: -1, epsilon: epsilonOf(node) } }),
  skipLayerNormalization: (builder, inputs, node) =>
    builder.emit("SkipLayerNormalization", inputs, { domain: MICROSOFT, attributes: { epsilon: epsilonOf(node) } }),
  packedAttention: attention,
  packedBiasedAttention: attention,
};

/**
 * Rows to padded texts, ONNX Runtime's attention, and back to rows. Padding gathers the last row (index -1): a real value
 * of no meaning, which the mask keeps out of every real row.
 */
function attention(builder: ModelBuilder, inputs: readonly string[], node: Tensor): string {
  const [query, key, value, unpackIndex, packIndex, bias = ""] = inputs;
  const padded = [query, key, value].map((each) =>
    builder.emit("Gather", [each, unpackIndex], { attributes: { axis: 0 } }),
  );
  const mask = builder.emitOnce(`mask:${unpackIndex}`, () =>
    castTo(builder, builder.emit("GreaterOrEqual", [unpackIndex, builder.int32(0)]), "int32"),
  );
  const attributes = {
    num_heads: node.attributes["numHeads"] as number,
    scale: { float: node.attributes["scale"] as number },
    mask_filter_value: { float: LOWEST },
  };
  const context = builder.emit("MultiHeadAttention", [...padded, "", mask, bias], { domain: MICROSOFT, attributes });
  const [, D] = node.shape;
  if (typeof D !== "number")
    throw new Error(`internal: attention of shape ${formatShape(node.shape)} has a symbol as its hidden size`);
  const rows = builder.emit("Reshape", [context, reshapeTarget(builder, ["?B", "?L", D], ["?rows", D])]);
  return builder.emit("Gather", [rows, packIndex], { attributes: { axis: 0 } });
}
