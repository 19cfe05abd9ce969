/**
 * @file How fused operations are written: with ONNX Runtime's own fused operators.
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { formatShape, LOWEST, type Dim, type FusedOperationName, type Tensor } from "@stagecoach/graph";
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
  unpackHeads,
  packHeads,
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
 * Heads are rows of H values: one Gather moves them from `[T, N]` to `[B, N, L]`. Padding takes a row of zeros that is put after
 * the last one.
 */
function unpackHeads(builder: ModelBuilder, [x, unpackIndex]: readonly string[], node: Tensor): string {
  const [, N, , H] = node.shape as readonly [unknown, number, unknown, number];
  const rows = builder.emit("Concat", [x, builder.floats(new Float32Array(N * H), [1, N * H])], {
    attributes: { axis: 0 },
  });
  const index = builder.emitOnce(`heads:${unpackIndex}:${N}`, () => {
    const wide = builder.emit("Unsqueeze", [toInt64(builder, unpackIndex), builder.int64([1])]); // [B, 1, L]
    const places = builder.emit("Mul", [wide, builder.int64([N])]);
    // Padding's -1 becomes -N to -1, which Gather counts from the end: the heads of the zeros.
    return builder.emit("Add", [places, headNumbers(builder, [N, 1])]);
  });
  const flat = builder.emit("Reshape", [rows, builder.int64([-1, H])]);
  return builder.emit("Gather", [flat, index], { attributes: { axis: 0 } });
}

/** The way back: row `(b N + n) L + l` of the heads goes to head `n` of the token at place `b L + l`. */
function packHeads(builder: ModelBuilder, [x, , packIndex]: readonly string[], node: Tensor): string {
  const [{ shape }] = node.inputs;
  const [, N, L, H] = shape as readonly [unknown, number, Dim, number];
  const index = builder.emitOnce(`head rows:${packIndex}:${N}`, () => {
    const length = builder.shape([L]);
    const places = toInt64(builder, packIndex);
    const skipped = builder.emit("Mul", [length, builder.int64([N - 1])]); // rows of the other heads of one text
    const before = builder.emit("Mul", [builder.emit("Div", [places, length]), skipped]);
    const first = builder.emit("Unsqueeze", [builder.emit("Add", [places, before]), builder.int64([1])]); // [T, 1]
    return builder.emit("Add", [first, builder.emit("Mul", [headNumbers(builder, [N]), length])]);
  });
  const flat = builder.emit("Reshape", [x, builder.int64([-1, H])]);
  const rows = builder.emit("Gather", [flat, index], { attributes: { axis: 0 } });
  return builder.emit("Reshape", [rows, builder.int64([-1, N * H])]);
}

const toInt64 = (builder: ModelBuilder, index: string) =>
  builder.emitOnce(`int64:${index}`, () => castTo(builder, index, "int64"));

const headNumbers = (builder: ModelBuilder, shape: readonly number[]) =>
  builder.int64(
    Array.from({ length: shape[0] }, (_, head) => head),
    shape,
  );

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
