/** @file Pre-training and fine-tuning: data sets, collators, optimizers, schedules, metrics and the training loop. */
export {
  adamWDefaults,
  optimizerNames,
  optimizerTensors,
  updateGraph,
  updateScalars,
  type OptimizerOptions,
  type OptimizerStep,
} from "./optimizers/optimizer.ts";
export { clippingScale, globalNorm } from "./optimizers/clipping.ts";
export type { DropoutOptions } from "./stage/maskInputs.ts";
export type { MaskMaker } from "./stage/maskMaker.ts";
export { HIDDEN_OUTPUT, type TrainingStageOptions } from "./stage/stageOptions.ts";
export { StepLoss } from "./stage/stepLoss.ts";
export { TrainingStage, type ForwardOptions, type StageBatch, type TensorMap } from "./stage/trainingStage.ts";
export { LocalPipeline, type LocalPipelineOptions } from "./pipeline/localPipeline.ts";
export {
  addGradients,
  agreeOnShared,
  expectStages,
  sharedWeightOf,
  type SharedWeight,
} from "./pipeline/sharedWeights.ts";
export {
  lossScales,
  summarize,
  type StageTimes,
  type StepGradients,
  type StepRequest,
  type TrainingPipeline,
} from "./pipeline/trainingPipeline.ts";
export { philox, type RandomCounter, type RandomKey } from "./random/philox.ts";
export { randomKey } from "./random/randomKey.ts";
export { RandomSequence } from "./random/randomSequence.ts";
export type { RowTexts } from "./data/rowTexts.ts";
export type { BadRowRule } from "./data/badRows.ts";
export {
  BatchedDataSet,
  type BatchedDataSetOptions,
  type EvaluationBatch,
  type StepBatch,
  type TrainingDataSet,
  textsOfExample,
} from "./data/batchedDataSet.ts";
export { BadRows } from "./data/badRows.ts";
export { DataError, type DataErrorCode } from "./data/dataError.ts";
export { dataFormats, type DataFormat, type DataRow, type RowSource } from "./data/dataRow.ts";
export {
  encodeExamples,
  type DataReport,
  type EncodedExamples,
  type EncodeExamplesOptions,
} from "./data/encodeExamples.ts";
export type { Ordering } from "./data/epochOrder.ts";
export { ExampleStore, type PieceStorage, type StoredExample } from "./data/exampleStore.ts";
export { findLayout, roles, textColumns, type ColumnMap, type Layout, type Role } from "./data/layouts.ts";
export { cutMicroBatches, type MicroBatchRule } from "./data/microBatches.ts";
export { foldExamples, type Fold, type FoldOptions } from "./data/foldExamples.ts";
export { splitExamples } from "./data/splitExamples.ts";
export {
  gridPoints,
  gridSize,
  randomPoints,
  rangeScales,
  type SearchPoint,
  type SearchRange,
  type SearchSpace,
} from "./search/searchSpace.ts";
export { stepOfShare } from "./loop/runPlan.ts";
export { halvingRounds, type HalvingRound } from "./search/successiveHalving.ts";
export { AnswerRanking, type RankedAnswer, type RankingOptions, type WindowLogits } from "./answers/answerRanking.ts";
export {
  contextWindows,
  countContextWindows,
  defaultStride,
  type ContextWindow,
  type QuestionText,
  type WindowOptions,
} from "./answers/contextWindows.ts";
export {
  decodeAnswer,
  type AnswerCandidate,
  type AnswerWindow,
  type DecodeAnswerOptions,
  type DecodedAnswer,
} from "./answers/decodeAnswer.ts";
export { MetricError, ScheduleError } from "./errors.ts";
export {
  bestNullThreshold,
  squadScores,
  squadV2Scores,
  type AnsweredQuestion,
  type AnswerScores,
  type AnswerScoresV2,
  type NullThreshold,
} from "./metrics/answerScores.ts";
export { averageScores, scoresOf, type AveragedScores, type ClassCounts, type Scores } from "./metrics/classScores.ts";
export {
  binaryScores,
  classificationScores,
  confusionMatrix,
  type ClassificationScores,
  type ClassScores,
} from "./metrics/classificationScores.ts";
export { pearson, spearman } from "./metrics/correlation.ts";
export { entities, entityScores, type Entity, type EntityScheme, type EntityScores } from "./metrics/entityScores.ts";
export { isGreaterBetter, isImprovement } from "./metrics/metricDirection.ts";
export { multiLabelScores, type MultiLabelScores } from "./metrics/multiLabelScores.ts";
export { perplexity } from "./metrics/perplexity.ts";
export { regressionErrors, type RegressionErrors } from "./metrics/regressionErrors.ts";
export { rocAuc } from "./metrics/rocAuc.ts";
export { taskMetrics, type TaskMetricOptions } from "./metrics/taskMetrics.ts";
export type {
  ClassReport,
  EvaluatedBatch,
  Evaluation,
  MetricAccumulator,
  Prediction,
  TaskOutputs,
} from "./metrics/tasks/accumulator.ts";
export type { AnswerData } from "./metrics/tasks/answerMetrics.ts";
export {
  countWarmupSteps,
  learningRateAt,
  learningRateShapes,
  type LearningRateSchedule,
  type LearningRateShape,
} from "./schedules/learningRate.ts";
export { newParameter, type NewParameterOptions } from "./stage/newParameter.ts";
export { frozenBy, patternOf, type StageSettings } from "./stage/stageSettings.ts";
export type {
  Checkpoint,
  CheckpointStore,
  LoggedEvaluation,
  LoggedStep,
  LoggedTest,
  SavedCheckpoint,
  StepLog,
} from "./loop/checkpointStore.ts";
export type { EarlyStopping } from "./loop/earlyStopping.ts";
export { evaluate, type EvaluationSet } from "./loop/evaluate.ts";
export { planRun, type RunLength, type RunPlan } from "./loop/runPlan.ts";
export { checkRun, runTraining, type CheckedOptions } from "./loop/runTraining.ts";
export { isStageLost, TrainingError, type TrainingErrorCode } from "./loop/trainingError.ts";
export {
  stopKindOf,
  stopKinds,
  type StepReport,
  type StopKind,
  type TrainingEvent,
  type TrainingSummary,
} from "./loop/trainingEvents.ts";
export type { TrainingOptions } from "./loop/trainingOptions.ts";
export { initialState, type BestEvaluation, type TrainingState } from "./loop/trainingState.ts";
export { answerData } from "./data/answerData.ts";
export { maskVocabulary, type MaskVocabulary } from "./data/masking.ts";
export type { PretrainingOptions } from "./data/pretrainingInstances.ts";
export { collate, type Masking, type PlacedExample } from "./data/collate.ts";
export { splitSentences } from "./data/sentences.ts";
export { curveSvg, type CurveLine, type CurvePanel } from "./report/curveSvg.ts";
export { markdownTable } from "./report/markdownTable.ts";
export { searchSvg, type DrawnRun, type DrawnTrial, type SearchPicture } from "./report/searchSvg.ts";
export {
  evaluationReport,
  hasEvaluationReport,
  type EvaluationReport,
  type Mistake,
  type MistakeValue,
} from "./report/evaluationReport.ts";
export { learningCurve } from "./report/learningCurve.ts";
export { modelCard, type ModelCardFacts } from "./report/modelCard.ts";
export { resultsCsv, type ResultRow } from "./report/resultsCsv.ts";
export { findBasis, inBasis, type VectorBasis } from "./distillation/vectorBasis.ts";
export { RankingTally, ranksOf } from "./metrics/ranking.ts";
export { countingUp } from "./data/growingArray.ts";
export { storedSimilarity } from "./data/tasks/sentenceEmbedding.ts";
export { dot } from "./metrics/vectors.ts";
