/**
 * @file How each primitive operation is written in ONNX (opset 18, with ONNX Runtime's transposing product).
 *
 * `ScatterND` with `reduction=add` is not used: with more than one thread it loses updates where indices repeat
 * (microsoft/onnxruntime#18048); `ScatterElements` adds in order.
 */
import { sameShape, type OperationName, type Shape, type Tensor } from "@stagecoach/graph";
import { MICROSOFT, type Lowering, type ModelBuilder } from "./modelBuilder.ts";
import { onnxDataTypes, type OnnxDataType } from "./onnxModel.ts";

const direct =
  (opType: string): Lowering =>
  (builder, inputs) =>
    builder.emit(opType, inputs);
const overLastAxis =
  (opType: string): Lowering =>
  (builder, inputs) =>
    builder.emit(opType, inputs, { attributes: { axis: -1 } });

const reduction =
  (opType: string): Lowering =>
  (builder, [x], { attributes }) =>
    builder.emit(opType, [x, builder.int64(attributes["axes"] as number[])], {
      attributes: { keepdims: attributes["keepDims"] === true ? 1 : 0 },
    });

export const lowerings: Readonly<Record<OperationName, Lowering>> = {
  abs: direct("Abs"),
  erf: direct("Erf"),
  exp: direct("Exp"),
  log: direct("Log"),
  relu: direct("Relu"),
  sigmoid: direct("Sigmoid"),
  sqrt: direct("Sqrt"),
  tanh: direct("Tanh"),
  add: direct("Add"),
  sub: direct("Sub"),
  mul: direct("Mul"),
  div: direct("Div"),
  equal: direct("Equal"),
  greater: direct("Greater"),
  greaterEqual: direct("GreaterOrEqual"),
  where: choose,
  softmax: overLastAxis("Softmax"),
  logSoftmax: overLastAxis("LogSoftmax"),
  sum: reduction("ReduceSum"),
  mean: reduction("ReduceMean"),
  max: reduction("ReduceMax"),
  cast: (builder, [x], { dtype }) => castTo(builder, x, dtype),
  broadcastTo: (builder, [x], { shape }) => builder.emit("Expand", [x, builder.shape(shape)]),
  reshape: (builder, [x], node) =>
    builder.emit("Reshape", [x, reshapeTarget(builder, node.inputs[0].shape, node.shape)]),
  transpose: (builder, [x], { attributes }) =>
    builder.emit("Transpose", [x], { attributes: { perm: attributes["permutation"] as number[] } }),
  sizeOf(builder, [x], { attributes }) {
    const sizes = builder.emit("Gather", [builder.emit("Shape", [x]), builder.int64(attributes["axes"] as number[])], {
      attributes: { axis: 0 },
    });
    return castTo(builder, builder.emit("ReduceProd", [sizes], { attributes: { keepdims: 0 } }), "float32");
  },
  matMul: product,
  slice(builder, [x], { attributes }) {
    const [start, end, axis] = ["start", "end", "axis"].map((name) => builder.int64([attributes[name] as number]));
    return builder.emit("Slice", [x, start, end, axis]);
  },
  padZeros(builder, [x], { shape, attributes }) {
    const pads = shape.map((_, axis) => (axis === attributes["axis"] ? (attributes["before"] as number) : 0));
    const after = shape.map((_, axis) => (axis === attributes["axis"] ? (attributes["after"] as number) : 0));
    return builder.emit("Pad", [x, builder.int64([...pads, ...after])]);
  },
  concat: (builder, inputs, { attributes }) =>
    builder.emit("Concat", inputs, { attributes: { axis: attributes["axis"] as number } }),
  gatherRows: (builder, inputs) => builder.emit("Gather", inputs, { attributes: { axis: 0 } }),
  scatterAddRows,
  oneHot(builder, [index], node) {
    const depth = node.attributes["depth"] as number;
    const places = builder.initializer({
      name: `/places_${builder.initializers.length}`,
      dtype: "int32",
      shape: [depth],
      values: { bytes: new Uint8Array(Int32Array.from({ length: depth }, (_, place) => place).buffer) },
    });
    return castTo(
      builder,
      builder.emit("Equal", [builder.emit("Unsqueeze", [index, builder.int64([-1])]), places]),
      "float32",
    );
  },
  unpack(builder, [x, unpackIndex], node) {
    const rows = builder.emit("Gather", [x, unpackIndex], { attributes: { axis: 0 } });
    const trailing = node.shape.slice(2).map((_, axis) => axis + 2);
    const isReal = builder.emit("GreaterOrEqual", [unpackIndex, builder.int32(0)]);
    const mask = trailing.length === 0 ? isReal : builder.emit("Unsqueeze", [isReal, builder.int64(trailing)]);
    return builder.emit("Where", [mask, rows, builder.float(0)]);
  },
  pack(builder, [x, , packIndex], node) {
    const rest = node.inputs[0].shape.slice(2);
    const rows = builder.emit("Reshape", [x, builder.shape([-1, ...rest])]);
    return builder.emit("Gather", [rows, packIndex], { attributes: { axis: 0 } });
  },
};

/** ONNX Runtime's Where takes no branches of bool: they go through int32. */
function choose(builder: ModelBuilder, inputs: readonly string[], { dtype }: Tensor): string {
  if (dtype !== "bool") return builder.emit("Where", inputs);
  const [condition, a, b] = inputs;
  const branches = [a, b].map((each) => castTo(builder, each, "int32"));
  return castTo(builder, builder.emit("Where", [condition, ...branches]), "bool");
}

export function castTo(builder: ModelBuilder, value: string, dtype: OnnxDataType): string {
  return builder.emit("Cast", [value], { attributes: { to: onnxDataTypes[dtype] } });
}

/** Reshape takes 0 for "as before at this axis" and one -1, so most shapes with symbols need no computation. */
export function reshapeTarget(builder: ModelBuilder, from: Shape, to: Shape): string {
  const copied = to.map((dim, axis) => (typeof dim === "string" && from[axis] === dim ? 0 : dim));
  const unknown = copied.filter((dim) => typeof dim === "string");
  if (unknown.length <= 1) return builder.int64(copied.map((dim) => (typeof dim === "string" ? -1 : dim)));
  return builder.shape(to);
}

/** Gemm for two matrices: ONNX Runtime packs a constant weight once, transposed or not. A scale costs nothing; only batches of the same sizes have one. */
export function product(builder: ModelBuilder, inputs: readonly string[], node: Tensor): string {
  const [a, b] = node.inputs;
  const { transposeA, transposeB, scale } = node.attributes as Readonly<Record<string, unknown>> & { scale?: number };
  const [transA, transB] = [transposeA === true ? 1 : 0, transposeB === true ? 1 : 0];
  const attributes = { transA, transB, ...(scale === undefined ? {} : { alpha: { float: scale } }) };
  if (a.shape.length === 2 && b.shape.length === 2) return builder.emit("Gemm", inputs, { attributes });
  if (transA === 0 && transB === 0 && scale === undefined) return builder.emit("MatMul", inputs);
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  if (sameShape(batchA, batchB)) return builder.emit("FusedMatMul", inputs, { domain: MICROSOFT, attributes });
  // FusedMatMul does not broadcast a transposed operand in every version: transpose it first.
  const [left, right] = [
    swapLast(builder, inputs[0], transA === 1 ? a : null),
    swapLast(builder, inputs[1], transB === 1 ? b : null),
  ];
  return builder.emit("MatMul", [left, right]);
}

function swapLast(builder: ModelBuilder, name: string, tensor: Tensor | null): string {
  if (tensor === null) return name;
  const rank = tensor.shape.length;
  const perm = tensor.shape.map((_, axis) => (axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis));
  return builder.emit("Transpose", [name], { attributes: { perm } });
}

function scatterAddRows(builder: ModelBuilder, [rows, index]: readonly string[], node: Tensor): string {
  const [rowsNode] = node.inputs;
  const indexRank = node.inputs[1].shape.length;
  const trailing = rowsNode.shape.slice(indexRank);
  const wide = trailing.length === 0 ? [1] : trailing;
  const zeros = builder.emit("ConstantOfShape", [builder.shape([node.shape[0], ...wide])]);
  const flatRows = builder.emit("Reshape", [rows, builder.shape([-1, ...wide])]);
  const column = builder.emit("Reshape", [index, builder.int64([-1, ...wide.map(() => 1)])]);
  const flatShape = builder.emit("Shape", [flatRows]);
  const flatIndex = builder.emit("Expand", [column, flatShape]);
  const summed = builder.emit("ScatterElements", [zeros, flatIndex, flatRows], {
    attributes: { axis: 0, reduction: "add" },
  });
  return trailing.length === 0 ? builder.emit("Reshape", [summed, builder.int64([-1])]) : summed;
}
