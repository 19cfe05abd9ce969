/**
 * @file How each primitive operation is computed with TensorFlow.js.
 *
 * One table for every backend; wasmKernels.ts replaces those whose wasm kernel is slow, inaccurate or wrong.
 */
import { sizeOfShape, type DType, type OperationName } from "@stagecoach/graph";
import type { BinaryName, TfModule, TfTensor, UnaryName } from "./tf.ts";

/** One node as it is computed: its resolved shape and its attributes. */
export type TfStep = { readonly shape: readonly number[]; readonly attributes: Readonly<Record<string, unknown>> };

/** Intermediate tensors need no care: the engine calls a kernel inside of `tf.tidy`. */
export type TfKernel = (tf: TfModule, inputs: readonly TfTensor[], step: TfStep) => TfTensor;

const unary =
  (name: UnaryName): TfKernel =>
  (tf, [x]) =>
    tf[name](x);
const binary =
  (name: BinaryName): TfKernel =>
  (tf, [a, b]) =>
    tf[name](a, b);
const reduction =
  (name: "sum" | "mean" | "max"): TfKernel =>
  (tf, [x], { attributes }) =>
    tf[name](x, axesOf(attributes), attributes["keepDims"] === true);

/** Axes of a reduction. */
export const axesOf = (attributes: TfStep["attributes"]): readonly number[] => attributes["axes"] as readonly number[];
const number = (attributes: TfStep["attributes"], name: string) => attributes[name] as number;

export const tfKernels: Readonly<Record<OperationName, TfKernel>> = {
  abs: unary("abs"),
  erf: unary("erf"),
  exp: unary("exp"),
  log: unary("log"),
  relu: unary("relu"),
  sigmoid: unary("sigmoid"),
  sqrt: unary("sqrt"),
  tanh: unary("tanh"),
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  equal: binary("equal"),
  greater: binary("greater"),
  greaterEqual: binary("greaterEqual"),
  where: (tf, [condition, a, b]) => tf.where(condition, a, b),
  // Backends disagree on what a fraction is as bool; all of them compare alike.
  cast: (tf, [x], { attributes: { dtype } }) =>
    dtype === "bool" ? tf.notEqual(x, tf.scalar(0, x.dtype as DType)) : tf.cast(x, dtype as DType),
  broadcastTo: (tf, [x], { shape }) => tf.broadcastTo(x, shape),
  reshape: (tf, [x], { shape }) => tf.reshape(x, shape),
  transpose: (tf, [x], { attributes }) => tf.transpose(x, attributes["permutation"] as readonly number[]),
  sum: reduction("sum"),
  mean: reduction("mean"),
  max: reduction("max"),
  sizeOf: (tf, [x], { attributes }) =>
    tf.scalar(sizeOfShape(axesOf(attributes).map((axis) => x.shape[axis])), "float32"),
  matMul: (tf, [a, b], { attributes }) =>
    tf.matMul(a, b, attributes["transposeA"] === true, attributes["transposeB"] === true),
  softmax: (tf, [x]) => tf.softmax(x, -1),
  logSoftmax: (tf, [x]) => tf.logSoftmax(x, -1),
  slice(tf, [x], { shape, attributes }) {
    const begin = shape.map((_, axis) => (axis === attributes["axis"] ? number(attributes, "start") : 0));
    return tf.slice(x, begin, shape);
  },
  padZeros(tf, [x], { shape, attributes }) {
    const { axis, before, after } = attributes as Record<string, number>;
    return tf.pad(
      x,
      shape.map((_, each) => (each === axis ? [before, after] : [0, 0])),
    );
  },
  concat: (tf, inputs, { attributes }) => tf.concat(inputs, number(attributes, "axis")),
  gatherRows: (tf, [table, index]) => tf.gather(table, index, 0),
  scatterAddRows(tf, [rows, index], { shape }) {
    const width = sizeOfShape(shape.slice(1));
    const count = sizeOfShape(index.shape);
    const table = tf.scatterND(tf.reshape(index, [count, 1]), tf.reshape(rows, [count, width]), [shape[0], width]);
    return tf.reshape(table, shape);
  },
  // tf.oneHot refuses a depth of 1.
  oneHot(tf, [index], { attributes }) {
    const depth = number(attributes, "depth");
    const places = tf.tensor(
      Int32Array.from({ length: depth }, (_, place) => place),
      [depth],
      "int32",
    );
    return tf.cast(tf.equal(tf.expandDims(index, -1), places), "float32");
  },
  // Padding gathers a row of zeros that is put after the others.
  unpack(tf, [x, unpackIndex]) {
    const [numRows, ...rest] = x.shape;
    const isReal = tf.greaterEqual(unpackIndex, tf.scalar(0, "int32"));
    const places = tf.where(isReal, unpackIndex, tf.scalar(numRows, "int32"));
    return tf.gather(tf.concat([x, tf.zeros([1, ...rest])], 0), places, 0);
  },
  pack(tf, [x, , packIndex]) {
    const [B, L, ...rest] = x.shape;
    return tf.gather(tf.reshape(x, [B * L, ...rest]), packIndex, 0);
  },
};
