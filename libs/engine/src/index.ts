/** @file Engines: the contract, the float64 reference, and ONNX Runtime and tfjs behind it (portable: the programs themselves are handed in). */
export { BufferPool } from "./bufferPool.ts";
export {
  hostParameters,
  isHostTensor,
  runToHost,
  type Engine,
  type EngineTensor,
  type Executable,
  type FileRange,
  type HostTensor,
  type ParameterSource,
  type RunInputs,
  type RunOptions,
  type RunResult,
  type BesideProgram,
  type SharedProgram,
  type TensorData,
} from "./engine.ts";
export { EngineFailureError, EngineInputError, EngineUnavailableError, ParameterError } from "./errors.ts";
export { checkInputs, float32, int32, joinFloat32, wantedOutputs } from "./hostTensor.ts";
export { emitOnnx, type EmitOnnxOptions } from "./onnx/emitOnnx.ts";
export { paddedInputs, type PaddedInputFacts, type Prologue } from "./onnx/paddedInputs.ts";
export { encodeOnnxModel, type OnnxModel } from "./onnx/onnxModel.ts";
export {
  createOnnxRuntimeEngine,
  onnxRuntimeFusedOperations,
  type OnnxRuntimeOptions,
} from "./onnxruntime/onnxRuntimeEngine.ts";
export type { OrtModule } from "./onnxruntime/ort.ts";
export { createReferenceEngine, evaluateConstant } from "./reference/referenceEngine.ts";
export type { TfModule, TfTensor } from "./tfjs/tf.ts";
export { createTfjsEngine, type TfjsOptions } from "./tfjs/tfjsEngine.ts";
