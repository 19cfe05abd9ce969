/** @file Symbolic tensors, operations with shape and gradient rules, and passes over the graphs that they record. */
export {
  bindShapes,
  formatShape,
  resolveShape,
  sameShape,
  sizeOfShape,
  type Bindings,
  type Dim,
  type Shape,
} from "./dims.ts";
export { DTypeError, GradientError, GraphError, ShapeError } from "./errors.ts";
export { backpropagate, gradients, type OutputGradient } from "./gradient.ts";
export { countUses, graphOf, reachable, type Graph } from "./graph.ts";
export { add, div, mul, sub, type Operand } from "./operations/arithmetic.ts";
export { broadcastTo, sum, sumTo, type Reduction, type ReductionOptions } from "./operations/broadcasting.ts";
export { matMul } from "./operations/matMul.ts";
export { pack, unpack } from "./operations/packing.ts";
export { max, mean, sizeOf } from "./operations/reductions.ts";
export { operationOf, operations, type OperationName } from "./operations/registry.ts";
export { reshape, transpose, transposeLast } from "./operations/reshape.ts";
export { gatherRows, oneHot, scatterAddRows } from "./operations/rows.ts";
export { cast, equal, greater, greaterEqual, where } from "./operations/selection.ts";
export { concat, padZeros, slice } from "./operations/slicing.ts";
export { logSoftmax, softmax } from "./operations/softmax.ts";
export { abs, addAll, erf, exp, log, neg, relu, sigmoid, sqrt, square, tanh } from "./operations/unary.ts";
export { mergeCommonSubexpressions } from "./passes/commonSubexpressions.ts";
export { foldConstants, type Evaluate } from "./passes/constantFolding.ts";
export { fuse } from "./passes/fuse.ts";
export { differentiableFusions } from "./passes/fusedGradients.ts";
export { fusedOperationNames, LOWEST, type FusedOperationName } from "./passes/fusionTemplates.ts";
export { computeNeededRows } from "./passes/neededRows.ts";
export { optimize, type OptimizeOptions } from "./passes/optimize.ts";
export { rewrite } from "./passes/rewrite.ts";
export {
  arrayFor,
  constant,
  expectDType,
  expectShape,
  input,
  nameOf,
  parameter,
  valuesOf,
  withScope,
  type Attributes,
  type ConstantValues,
  type DType,
  type Tensor,
  type TensorType,
} from "./tensor.ts";
export {
  parametersAsInputs,
  recomputeRearrangements,
  splitTraining,
  type SplitOptions,
  type TrainingGraphs,
} from "./splitTraining.ts";
