/**
 * @file How fused operations are written: with ONNX Runtime's own fused operators.
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { formatShape, LOWEST, type FusedOperationName, type Tensor } from "@stagecoach/graph";
import { castTo, product, reshapeTarget } from "./lowerings.ts";
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
  standardization: (builder, [x], node) => standardized(builder, x, node).normal,
  inverseDeviation: (builder, [x], node) => standardized(builder, x, node).inverse,
  maskedSoftmax(builder, [x, mask]) {
    const bias = builder.emitOnce(`mask bias:${mask}`, () =>
      builder.emit("Where", [mask, builder.float(0), builder.float(LOWEST)]),
    );
    // No score is large enough to change LOWEST, so the sum is what a choice between the two would give.
    return builder.emit("Softmax", [builder.emit("Add", [x, bias])], { attributes: { axis: -1 } });
  },
  scaledProduct: (builder, inputs, node) => product(builder, inputs, node),
  packedAttention: attention,
  packedBiasedAttention: attention,
};

/** ONNX's layer norm without weights, whose kernel gives the inverse deviation as well: one node for both. */
function standardized(builder: ModelBuilder, x: string, node: Tensor): { normal: string; inverse: string } {
  const [{ shape }] = node.inputs;
  const D = shape.at(-1);
  if (typeof D !== "number")
    throw new Error(`internal: rows of shape ${formatShape(shape)} have a symbol as their length`);
  const normal = builder.emitOnce(`standardized:${x}`, () => {
    const ones = builder.emitOnce(`ones:${D}`, () => builder.floats(new Float32Array(D).fill(1)));
    return builder.emit("LayerNormalization", [x, ones], {
      attributes: { axis: -1, epsilon: epsilonOf(node) },
      others: ["", `${x}/inverse_deviation`],
    });
  });
  return { normal, inverse: `${x}/inverse_deviation` };
}

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
