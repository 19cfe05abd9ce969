/** @file All primitive operations by name. An engine has a kernel for each of them, and the types hold it to that. */
import type { Operation } from "../operation.ts";
import { addOperation, divOperation, mulOperation, subOperation } from "./arithmetic.ts";
import { broadcastToOperation, sumOperation } from "./broadcasting.ts";
import { matMulOperation } from "./matMul.ts";
import { packOperation, unpackOperation } from "./packing.ts";
import { maxOperation, meanOperation, sizeOfOperation } from "./reductions.ts";
import { reshapeOperation, transposeOperation } from "./reshape.ts";
import { gatherRowsOperation, oneHotOperation, scatterAddRowsOperation } from "./rows.ts";
import { castOperation, equalOperation, greaterEqualOperation, greaterOperation, whereOperation } from "./selection.ts";
import { concatOperation, padZerosOperation, sliceOperation } from "./slicing.ts";
import { logSoftmaxOperation, softmaxOperation } from "./softmax.ts";
import {
  absOperation,
  erfOperation,
  expOperation,
  logOperation,
  reluOperation,
  sigmoidOperation,
  sqrtOperation,
  tanhOperation,
} from "./unary.ts";

export const operations = {
  abs: absOperation,
  add: addOperation,
  broadcastTo: broadcastToOperation,
  cast: castOperation,
  concat: concatOperation,
  div: divOperation,
  equal: equalOperation,
  erf: erfOperation,
  exp: expOperation,
  gatherRows: gatherRowsOperation,
  greater: greaterOperation,
  greaterEqual: greaterEqualOperation,
  log: logOperation,
  logSoftmax: logSoftmaxOperation,
  matMul: matMulOperation,
  max: maxOperation,
  mean: meanOperation,
  mul: mulOperation,
  oneHot: oneHotOperation,
  pack: packOperation,
  padZeros: padZerosOperation,
  relu: reluOperation,
  reshape: reshapeOperation,
  scatterAddRows: scatterAddRowsOperation,
  sigmoid: sigmoidOperation,
  sizeOf: sizeOfOperation,
  slice: sliceOperation,
  softmax: softmaxOperation,
  sqrt: sqrtOperation,
  sub: subOperation,
  sum: sumOperation,
  tanh: tanhOperation,
  transpose: transposeOperation,
  unpack: unpackOperation,
  where: whereOperation,
} satisfies Record<string, Operation<never> | Operation>;

export type OperationName = keyof typeof operations;

/** The operation of a node that an engine or a pass meets; `undefined` for inputs, parameters, constants and fused nodes. */
export function operationOf(name: string): Operation | undefined {
  return Object.hasOwn(operations, name) ? operations[name as OperationName] : undefined;
}
