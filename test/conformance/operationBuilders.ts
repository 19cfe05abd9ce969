/** @file How each case of the fixture is recorded: the same computation as in tools/oracles/operations.py. */
import {
  abs,
  add,
  broadcastTo,
  cast,
  concat,
  div,
  equal,
  erf,
  exp,
  gatherRows,
  greater,
  greaterEqual,
  log,
  logSoftmax,
  matMul,
  max,
  mean,
  mul,
  oneHot,
  pack,
  padZeros,
  relu,
  reshape,
  scatterAddRows,
  sigmoid,
  sizeOf,
  slice,
  softmax,
  sqrt,
  sub,
  sum,
  tanh,
  transpose,
  unpack,
  where,
  type DType,
  type OperationName,
  type ReductionOptions,
  type Tensor,
} from "@stagecoach/graph";
import type { OperationCase } from "./fixture.ts";

type Inputs = Readonly<Record<string, Tensor>>;
type Builder = (inputs: Inputs, example: OperationCase) => Tensor;

const unary =
  (build: (x: Tensor) => Tensor): Builder =>
  ({ x }) =>
    build(x!);
const binary =
  (build: (a: Tensor, b: Tensor) => Tensor): Builder =>
  ({ a, b }) =>
    build(a!, b!);

/** Axes by the first words of a case's name. */
const reducedAxes: Readonly<Record<string, readonly number[]>> = {
  "last axis": [2],
  "first axis": [0],
  "middle axis": [-2],
  "first and last axis": [0, 2],
  "last two axes": [-1, 1],
  "all axes": [0, 1, 2],
  "an axis of length 1": [1],
  "rank 1": [0],
  "first and third of 4": [0, 2],
  "a row longer than a block": [-1],
  "equal maxima share the gradient": [1],
  "all below zero": [0],
};

const reduction =
  (build: (x: Tensor, options: ReductionOptions) => Tensor): Builder =>
  ({ x }, { what }) => {
    const axes = what.replace(", axes kept", "");
    return build(x!, { axis: byName(reducedAxes, axes), keepDims: axes !== what });
  };

const ranges: Readonly<Record<string, { axis: number; start: number; end: number }>> = {
  "first axis": { axis: 0, start: 2, end: 5 },
  "last axis": { axis: -1, start: 6, end: 7 },
  "middle axis of rank 4": { axis: 1, start: 1, end: 7 },
};

const permutations: Readonly<Record<string, readonly number[]>> = {
  "rank 1": [0],
  "rank 2": [1, 0],
  "rank 3, cycle": [2, 0, 1],
  "rank 4": [0, 2, 1, 3],
  "rank 5": [4, 1, 3, 0, 2],
};

const paddings: Readonly<Record<string, { axis: number; before: number; after: number }>> = {
  before: { axis: 0, before: 2, after: 0 },
  "after, last axis": { axis: -1, before: 0, after: 5 },
  "on both sides, rank 3": { axis: 1, before: 1, after: 3 },
  "rank 1": { axis: 0, before: 3, after: 1 },
};

const sizedAxes: Readonly<Record<string, readonly number[]>> = {
  "two axes": [0, 2],
  "one axis of an int32 tensor": [1],
};

const builders: Readonly<Record<OperationName, Builder>> = {
  abs: unary(abs),
  erf: unary(erf),
  exp: unary(exp),
  log: unary(log),
  relu: unary(relu),
  sigmoid: unary(sigmoid),
  sqrt: unary(sqrt),
  tanh: unary(tanh),
  softmax: unary(softmax),
  logSoftmax: unary(logSoftmax),
  add: binary(add),
  sub: binary(sub),
  mul: binary(mul),
  div: binary(div),
  equal: binary(equal),
  greater: binary(greater),
  greaterEqual: binary(greaterEqual),
  where: ({ c, a, b }) => where(c!, a!, b!),
  cast: ({ x }, { what }) => cast(x!, what.split(" to ")[1] as DType),
  broadcastTo: ({ x }, { output }) => broadcastTo(x!, output.shape),
  reshape: ({ x }, { output }) => reshape(x!, output.shape),
  transpose: ({ x }, { what }) => transpose(x!, byName(permutations, withoutDType(what))),
  slice: ({ x }, { what }) => slice(x!, byName(ranges, withoutDType(what))),
  padZeros: ({ x }, { what }) => padZeros(x!, byName(paddings, what)),
  concat(inputs, { what }) {
    const { a } = inputs;
    if (what === "an input used twice") return concat([a!, a!], 1);
    return concat(Object.values(inputs), what.includes("first axis") ? 0 : -1);
  },
  sum: reduction(sum),
  mean: reduction(mean),
  max: reduction(max),
  sizeOf: ({ x }, { what }) => sizeOf(x!, byName(sizedAxes, what)),
  matMul: ({ a, b }, { what }) =>
    matMul(a!, b!, { transposeA: /first|both trans/.test(what), transposeB: /second|both trans/.test(what) }),
  gatherRows: ({ x, index }) => gatherRows(x!, index!),
  scatterAddRows: ({ rows, index }, { output }) => scatterAddRows(rows!, index!, output.shape[0]!),
  oneHot: ({ index }, { output }) => oneHot(index!, output.shape.at(-1)!),
  unpack: ({ x, unpackIndex, packIndex }) => unpack(x!, unpackIndex!, packIndex!),
  pack: ({ x, unpackIndex, packIndex }) => pack(x!, unpackIndex!, packIndex!),
};

/** Record the operation of a case on symbolic inputs. */
export function buildOperation(example: OperationCase, inputs: Inputs): Tensor {
  return builders[example.operation](inputs, example);
}

const withoutDType = (what: string) => what.replace(/^(float32|int32|bool), /, "");

function byName<T>(table: Readonly<Record<string, T>>, name: string): T {
  const found = table[name];
  if (found === undefined) throw new Error(`the fixture has a case "${name}" that this file does not know`);
  return found;
}
