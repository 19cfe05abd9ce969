/**
 * @file What the wasm backend of TensorFlow.js computes otherwise, because its own kernel is slow, inaccurate or wrong.
 *
 * Measured with 4.22.0 on one core: stretching 1.5 million values by its Tile takes 60 ms, by a product with ones 5 ms; its
 * gather takes 20 ns for each value, a copy of rows in JavaScript 1 ns; a mean over 393,000 values is off by 1.3e-4, since
 * values are added one by one; its Select writes four bytes for each bool, over the end of its memory; its ScatterNd does not
 * check indices.
 */
import { sizeOfShape, type OperationName } from "@stagecoach/graph";
import type { TfModule, TfTensor } from "./tf.ts";
import { axesOf, type TfKernel } from "./tfKernels.ts";
import { multiplyOneByOne } from "./wasmProducts.ts";
import { sumOverAxes } from "./wasmSums.ts";

export const wasmKernels: Readonly<Partial<Record<OperationName, TfKernel>>> = {
  sum: (tf, [x], { shape, attributes }) => tf.reshape(sumOverAxes(tf, x, axesOf(attributes)), shape),
  mean(tf, [x], { shape, attributes }) {
    const axes = axesOf(attributes);
    const count = sizeOfShape(axes.map((axis) => x.shape[axis]));
    return tf.reshape(tf.div(sumOverAxes(tf, x, axes), tf.scalar(count, "float32")), shape);
  },
  logSoftmax(tf, [x]) {
    const last = [x.shape.length - 1];
    const shifted = tf.sub(x, tf.max(x, last, true));
    const total = tf.reshape(sumOverAxes(tf, tf.exp(shifted), last), [...x.shape.slice(0, -1), 1]);
    return tf.sub(shifted, tf.log(total));
  },
  matMul: (tf, [a, b], { shape }) => multiplyOneByOne(tf, { a, b, shape }),
  broadcastTo: (tf, [x], { shape }) => stretch(tf, x, shape),
  where(tf, [condition, a, b], { shape }) {
    const full = stretch(tf, condition, shape);
    const branches = [a, b].map((each) => stretch(tf, each.dtype === "bool" ? tf.cast(each, "int32") : each, shape));
    const chosen = tf.where(full, branches[0], branches[1]);
    return a.dtype === "bool" ? tf.notEqual(chosen, tf.scalar(0, "int32")) : chosen;
  },
  // Reading a large table would cost more than the kernel.
  gatherRows: (tf, [table, index], { shape }) =>
    sizeOfShape(table.shape) <= sizeOfShape(shape) && table.dtype === "float32"
      ? copyRows(tf, { rows: table, places: index, shape })
      : tf.gather(table, index, 0),
  unpack: (tf, [x, unpackIndex], { shape }) => copyRows(tf, { rows: x, places: unpackIndex, shape }),
  pack: (tf, [x, , packIndex], { shape }) => copyRows(tf, { rows: x, places: packIndex, shape }),
  scatterAddRows: (tf, [rows, index], { shape }) => addRows(tf, { rows, places: index, shape }),
};

/** Repeat along axes of size 1 and along added ones. A product with 1 keeps every float, also -0 and infinity. */
function stretch(tf: TfModule, x: TfTensor, shape: readonly number[]): TfTensor {
  if (x.shape.length === shape.length && sizeOfShape(x.shape) === sizeOfShape(shape)) return x;
  if (x.dtype === "int32") return tf.broadcastTo(x, shape);
  const stretched = tf.mul(tf.ones(shape), x.dtype === "bool" ? tf.cast(x, "float32") : x);
  return x.dtype === "bool" ? tf.cast(stretched, "bool") : stretched;
}

type Rows = { readonly rows: TfTensor; readonly places: TfTensor; readonly shape: readonly number[] };

/** The rows that `places` names, one after the other; zeros for a negative number. Rows are as long as the result says. */
function copyRows(tf: TfModule, { rows, places, shape }: Rows): TfTensor {
  const source = rows.dataSync();
  const numbers = places.dataSync();
  const result = new Float32Array(sizeOfShape(shape));
  const width = result.length / numbers.length;
  numbers.forEach((row: number, place: number) => {
    expectRow(row, source.length / width);
    if (row >= 0) result.set(source.subarray(row * width, (row + 1) * width), place * width);
  });
  return tf.tensor(result, shape, "float32");
}

/** A table in which each row is the sum of those whose place names it. The kernel would write wherever a place points to. */
function addRows(tf: TfModule, { rows, places, shape }: Rows): TfTensor {
  const source = rows.dataSync();
  const numbers = places.dataSync();
  const result = new Float32Array(sizeOfShape(shape));
  const width = source.length / numbers.length;
  numbers.forEach((row: number, place: number) => {
    expectRow(row < 0 ? Infinity : row, result.length / width);
    for (let column = 0; column < width; column++) result[row * width + column] += source[place * width + column];
  });
  return tf.tensor(result, shape, "float32");
}

function expectRow(row: number, numRows: number): void {
  if (row >= numRows) throw new RangeError(`expected a row from 0 to ${numRows - 1}, got ${row}`);
}
