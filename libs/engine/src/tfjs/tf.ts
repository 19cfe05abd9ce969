/**
 * @file What we use of TensorFlow.js's API, as types.
 *
 * The module itself is handed in: @tensorflow/tfjs-node or tfjs-node-gpu in a process, @tensorflow/tfjs-core with a backend
 * in a browser. Optional parameters stand here only where a kernel gives them.
 * @see https://js.tensorflow.org/api/latest/
 */
import type { DType } from "@stagecoach/graph";

export type TfData = Float32Array | Int32Array | Uint8Array;

export type TfTensor = {
  readonly shape: readonly number[];
  readonly dtype: string;
  data(): Promise<TfData>;
  dataSync(): TfData;
  dispose(): void;
};

type Sizes = readonly number[];
type Unary = (x: TfTensor) => TfTensor;
type Binary = (a: TfTensor, b: TfTensor) => TfTensor;
type Reduction = (x: TfTensor, axes: Sizes, keepDims: boolean) => TfTensor;

export type UnaryName = "abs" | "erf" | "exp" | "log" | "relu" | "sigmoid" | "sqrt" | "tanh";
export type BinaryName = "add" | "sub" | "mul" | "div" | "equal" | "notEqual" | "greater" | "greaterEqual";

export type TfModule = Readonly<Record<UnaryName, Unary>> &
  Readonly<Record<BinaryName, Binary>> & {
    getBackend(): string;
    /** Dispose of every tensor that `compute` created, except the one that it returns. */
    tidy(compute: () => TfTensor): TfTensor;
    memory(): { readonly numTensors: number };
    /** Keeps a reference to `values`. */
    tensor(values: TfData, shape: Sizes, dtype: DType): TfTensor;
    scalar(value: number, dtype: DType): TfTensor;
    zeros(shape: Sizes): TfTensor;
    ones(shape: Sizes): TfTensor;
    /** A second tensor on the same values. */
    clone(x: TfTensor): TfTensor;
    cast(x: TfTensor, dtype: DType): TfTensor;
    where(condition: TfTensor, a: TfTensor, b: TfTensor): TfTensor;
    reshape(x: TfTensor, shape: Sizes): TfTensor;
    transpose(x: TfTensor, permutation: Sizes): TfTensor;
    broadcastTo(x: TfTensor, shape: Sizes): TfTensor;
    expandDims(x: TfTensor, axis: number): TfTensor;
    slice(x: TfTensor, begin: Sizes, size: Sizes): TfTensor;
    pad(x: TfTensor, paddings: readonly (readonly [number, number])[]): TfTensor;
    concat(tensors: readonly TfTensor[], axis: number): TfTensor;
    gather(x: TfTensor, indices: TfTensor, axis: number): TfTensor;
    scatterND(indices: TfTensor, updates: TfTensor, shape: Sizes): TfTensor;
    matMul(a: TfTensor, b: TfTensor, transposeA: boolean, transposeB: boolean): TfTensor;
    softmax(x: TfTensor, axis: number): TfTensor;
    logSoftmax(x: TfTensor, axis: number): TfTensor;
    readonly sum: Reduction;
    readonly mean: Reduction;
    readonly max: Reduction;
  };
