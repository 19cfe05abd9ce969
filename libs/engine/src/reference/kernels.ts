/** @file A plain float64 kernel for every primitive operation. Clarity before speed: this is what the engines are held against. */
import { LOWEST, sizeOfShape, type OperationName } from "@stagecoach/graph";
import { erf } from "./erf.ts";
import { broadcastOffsets, offsets, reduce, stridesOf, zip, type Value } from "./layout.ts";

/** One node as it is computed: its resolved shape and its attributes. */
export type KernelStep = { readonly shape: readonly number[]; readonly attributes: Readonly<Record<string, unknown>> };
export type Kernel = (inputs: readonly Value[], step: KernelStep) => Float64Array;

const unary =
  (apply: (x: number) => number): Kernel =>
  ([x]) =>
    x.data.map(apply);
const binary =
  (combine: (a: number, b: number) => number): Kernel =>
  (inputs, { shape }) =>
    zip(shape, inputs, combine);
const numbers = (attributes: KernelStep["attributes"], name: string) => attributes[name] as readonly number[];
const number = (attributes: KernelStep["attributes"], name: string) => attributes[name] as number;
const product = (sizes: readonly number[]) => sizeOfShape(sizes);

const toDType: Readonly<Record<string, (x: number) => number>> = {
  float32: (x) => x,
  int32: Math.trunc,
  bool: (x) => (x === 0 ? 0 : 1),
};

export const kernels: Readonly<Record<OperationName, Kernel>> = {
  abs: unary(Math.abs),
  erf: unary(erf),
  exp: unary(Math.exp),
  log: unary(Math.log),
  relu: unary((x) => Math.max(x, 0)),
  sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  sqrt: unary(Math.sqrt),
  tanh: unary(Math.tanh),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  equal: binary((a, b) => (a === b ? 1 : 0)),
  greater: binary((a, b) => (a > b ? 1 : 0)),
  greaterEqual: binary((a, b) => (a >= b ? 1 : 0)),
  where: (inputs, { shape }) => zip(shape, inputs, (condition, a, b) => (condition === 1 ? a : b)),
  cast: ([x], { attributes }) => x.data.map(toDType[attributes["dtype"] as string]),
  broadcastTo: ([x], { shape }) => zip(shape, [x], (value) => value),
  reshape: ([x]) => x.data.slice(),
  transpose([x], { shape, attributes }) {
    const strides = stridesOf(x.shape);
    const places = offsets(
      shape,
      numbers(attributes, "permutation").map((axis) => strides[axis]),
    );
    return new Float64Array(x.data.length).map((_, place) => x.data[places[place]]);
  },
  sum: ([x], { attributes }) => reduce(x, numbers(attributes, "axes"), { start: 0, step: (a, b) => a + b }),
  max: ([x], { attributes }) => reduce(x, numbers(attributes, "axes"), { start: -Infinity, step: Math.max }),
  mean([x], { attributes }) {
    const axes = numbers(attributes, "axes");
    const count = product(axes.map((axis) => x.shape[axis]));
    return reduce(x, axes, { start: 0, step: (a, b) => a + b }).map((total) => total / count);
  },
  sizeOf: ([x], { attributes }) => Float64Array.of(product(numbers(attributes, "axes").map((axis) => x.shape[axis]))),
  matMul,
  softmax: ([x]) => overRows(x, (row) => normalizeRow(row)),
  logSoftmax: ([x]) =>
    overRows(x, (row) => {
      const largest = row.reduce((a, b) => Math.max(a, b), LOWEST);
      const logTotal = Math.log(row.reduce((total, value) => total + Math.exp(value - largest), 0));
      return row.map((value) => value - largest - logTotal);
    }),
  slice([x], { shape, attributes }) {
    const strides = stridesOf(x.shape);
    const from = number(attributes, "start") * strides[number(attributes, "axis")];
    const places = offsets(shape, strides);
    return new Float64Array(places.length).map((_, place) => x.data[from + places[place]]);
  },
  padZeros([x], { shape, attributes }) {
    const strides = stridesOf(shape);
    const from = number(attributes, "before") * strides[number(attributes, "axis")];
    const result = new Float64Array(product(shape));
    offsets(x.shape, strides).forEach((place, index) => (result[from + place] = x.data[index]));
    return result;
  },
  concat(inputs, { shape, attributes }) {
    const axis = number(attributes, "axis");
    const strides = stridesOf(shape);
    const result = new Float64Array(product(shape));
    let from = 0;
    for (const each of inputs) {
      offsets(each.shape, strides).forEach((place, index) => (result[from + place] = each.data[index]));
      from += each.shape[axis] * strides[axis];
    }
    return result;
  },
  gatherRows([table, index]) {
    index.data.forEach((row) => expectRow(row, table.shape[0]));
    return gather(table.data, index.data, product(table.shape.slice(1)));
  },
  scatterAddRows([rows, index], { shape }) {
    const width = product(shape.slice(1));
    const result = new Float64Array(product(shape));
    index.data.forEach((row, place) => {
      expectRow(row, shape[0]);
      for (let i = 0; i < width; i++) result[row * width + i] += rows.data[place * width + i];
    });
    return result;
  },
  oneHot([index], { shape, attributes }) {
    const depth = number(attributes, "depth");
    const result = new Float64Array(product(shape));
    index.data.forEach((hot, place) => {
      if (hot >= 0 && hot < depth) result[place * depth + hot] = 1;
    });
    return result;
  },
  unpack([x, unpackIndex]) {
    return gather(x.data, unpackIndex.data, product(x.shape.slice(1)));
  },
  pack([x, , packIndex]) {
    return gather(x.data, packIndex.data, product(x.shape.slice(2)));
  },
};

function expectRow(row: number, numRows: number): void {
  if (!(row >= 0 && row < numRows)) throw new RangeError(`expected a row from 0 to ${numRows - 1}, got ${row}`);
}

/** Rows by number; a negative number gives a row of zeros. */
function gather(data: Float64Array, index: Float64Array, width: number): Float64Array {
  const result = new Float64Array(index.length * width);
  index.forEach((row, place) => {
    if (row >= 0) result.set(data.subarray(row * width, (row + 1) * width), place * width);
  });
  return result;
}

function overRows(x: Value, apply: (row: Float64Array) => Float64Array): Float64Array {
  const width = x.shape.at(-1) ?? 1;
  const result = new Float64Array(x.data.length);
  for (let from = 0; from < x.data.length; from += width) result.set(apply(x.data.subarray(from, from + width)), from);
  return result;
}

function normalizeRow(row: Float64Array): Float64Array {
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = row.map((value) => Math.exp(value - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / total);
}

function matMul([a, b]: readonly Value[], { shape, attributes }: KernelStep): Float64Array {
  const [M, N] = shape.slice(-2);
  const K = a.shape.at(attributes["transposeA"] === true ? -2 : -1)!;
  const [rowA, stepA] = attributes["transposeA"] === true ? [1, M] : [K, 1];
  const [stepB, columnB] = attributes["transposeB"] === true ? [1, K] : [N, 1];
  const batch = shape.slice(0, -2);
  const placesA = broadcastOffsets(a.shape.slice(0, -2), batch);
  const placesB = broadcastOffsets(b.shape.slice(0, -2), batch);
  const result = new Float64Array(product(shape));
  for (let which = 0; which < product(batch); which++) {
    const fromA = placesA[which] * M * K;
    const fromB = placesB[which] * K * N;
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let total = 0;
        for (let k = 0; k < K; k++)
          total += a.data[fromA + m * rowA + k * stepA] * b.data[fromB + k * stepB + n * columnB];
        result[(which * M + m) * N + n] = total;
      }
    }
  }
  return result;
}
