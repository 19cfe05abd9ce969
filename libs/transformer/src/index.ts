/** @file Transformer encoders of the BERT family: layers as traced functions, families by config and weight names, checkpoints. */
export { activationNames, activations, gelu, geluTanh, silu, type ActivationName } from "./activation.ts";
export { mergedWeights, PEFT_PREFIX, readAdapterWeights } from "./adapterWeights.ts";
export { checkpointEntries, resolveCheckpointNames, type CheckpointEntries } from "./checkpointNames.ts";
export { JsonFields, type EncoderConfig } from "./config.ts";
export { expectDenseWeights } from "./denseWeights.ts";
export { dropout, type EncoderDropout, type LayerDropout } from "./dropout.ts";
export { embeddings, type EmbeddingParameters } from "./embeddings.ts";
export { encoderLayer, type LayerContext, type LayerParameters } from "./encoderLayer.ts";
export { readEncoderModel, type EncoderModel, type ModelFolderOptions } from "./encoderModel.ts";
export { encoderStack, type EncoderStack, type EncoderStackOptions, type LayerRange } from "./encoderStack.ts";
export { AdapterError, BatchError, CheckpointError, ModelConfigError, UnsupportedModelError } from "./errors.ts";
export type { Family, LayerNames } from "./families/family.ts";
export { families, readEncoderConfig } from "./families/registry.ts";
export { feedForward, type FeedForwardParameters } from "./feedForward.ts";
export { graphParameters, type ParameterShape } from "./graphParameters.ts";
export { layerNorm, type NormParameters } from "./layerNorm.ts";
export { linear, type LinearParameters } from "./linear.ts";
export { multiHeadAttention, type AttentionOptions, type AttentionParameters } from "./multiHeadAttention.ts";
export { normalize, normalizeInPlace } from "./normalization.ts";
export {
  packingInputs,
  packLengths,
  positionIds,
  type Packing,
  type PackingIndices,
  type PositionRule,
} from "./packing.ts";
export { pooler } from "./pooler.ts";
export { pool, poolingModes, type PoolingMode } from "./pooling.ts";
export { learnedPositions, sinusoidalTable } from "./positionalEncoding.ts";
export { relativePositionBias, relativePositionBuckets } from "./relativePositionBias.ts";
export { residualLayerNorm } from "./residualLayerNorm.ts";
export {
  encodeSafetensors,
  isSafetensorsDtype,
  MAX_FLOAT16,
  parseSafetensorsHeader,
  SafetensorsError,
  tensorBytes,
  toFloat32,
  type SafetensorsDtype,
  type SafetensorsTensor,
  type WeightEntry,
  type WeightLocation,
  type WeightSource,
} from "./safetensors/index.ts";
export {
  readSentenceModules,
  sentenceLimitFiles,
  sentenceModuleFiles,
  type DenseModule,
  type ReadJson,
  type SentenceModules,
} from "./sentenceModules.ts";
export { attentionGraph, attentionOutput, stageGraph, type StageGraphOptions } from "./stageGraph.ts";
export { stageInputs, type HiddenBatch, type StageInput, type TokenBatch } from "./stageInputs.ts";
export { hasHeadDropout, rateOfSite, readDropoutRates, type DropoutRates } from "./tasks/dropoutSites.ts";
export { featureRowsOf, type FeatureRows } from "./tasks/featureRows.ts";
export { trainedModules } from "./tasks/heads/sentenceEmbedding.ts";
export { binaryCrossEntropy } from "./tasks/losses/binaryCrossEntropy.ts";
export { crossEntropy } from "./tasks/losses/crossEntropy.ts";
export {
  comparesWholeStep,
  hiddenLosses,
  hiddenOf,
  problemTypes,
  similarities,
  taskNames,
  teacherLosses,
  type EmbeddingLoss,
  type HiddenDistillation,
  type HiddenLossName,
  type ProblemType,
  type SentenceEmbeddingTask,
  type Similarity,
  type Target,
  type Task,
  type TaskName,
  type TeacherLoss,
  type TeacherLossName,
  type TrainingBatch,
  withoutHidden,
} from "./tasks/task.ts";
export {
  checkpointNameOf,
  resolveTaskCheckpointNames,
  type TaskCheckpointNames,
  type TaskCheckpointOptions,
} from "./tasks/taskCheckpoint.ts";
export { isLoraName, linearModules, loraNames, mergeLora, standardLoraModules, type LoraOptions } from "./lora.ts";
export { servedTask } from "./tasks/servedTask.ts";
export { architectureOf, readLabels, readTask, taskConfigFields, type TaskModel } from "./tasks/taskModel.ts";
export { paddingRows, readInitializerRange, taskParameters, type TaskParameter } from "./tasks/taskParameters.ts";
export { HIDDEN_LOSS, isAuxiliaryName } from "./tasks/hiddenLoss.ts";
export {
  CARRIED,
  STATES,
  stepLossGraph,
  trainingStageGraph,
  type TracedStage,
  type TracedStepLoss,
  type TrainingStageOptions,
} from "./tasks/trainingStageGraph.ts";
export { trainingStageInputs, type HiddenTrainingBatch } from "./tasks/trainingStageInputs.ts";
