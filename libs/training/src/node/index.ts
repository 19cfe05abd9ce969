/** @file What training needs of Node: files. */
export { adapterTensors } from "./adapterFiles.ts";
export { BASIS_FILE, encodeBasis, readBasis } from "./basisFile.ts";
export { CheckpointFolder, readCheckpoint, type CheckpointFolderOptions } from "./checkpointFolder.ts";
export { dataSplits, type DataSplit } from "./data/dataFolder.ts";
export type { ReadProgress } from "./data/fileBytes.ts";
export { loadDataSets, type DataSets, type ExampleSet, type LoadDataSetsOptions } from "./data/loadDataSets.ts";
export { loadExamples, type DataFile, type LoadExamplesOptions, type LoadProgress } from "./data/loadExamples.ts";
export {
  dataExtensions,
  formatOfName,
  openDataFile,
  type DataFileOptions,
  type DataFileSource,
} from "./data/openDataFile.ts";
export { readRowTexts, type FoundRow, type ReadRowTextsOptions } from "./data/readRowTexts.ts";
export { featureBytes, FeatureFile, type FeatureLayout } from "./featureFile.ts";
export { diskError, linkDurably, publishFolder, replaceDurably, writeDurably } from "./durableFiles.ts";
export {
  loadTrainingStage,
  openInitialParameters,
  type InitialParameters,
  type LoadedTrainingStage,
  type TrainingStageRequest,
} from "./loadTrainingStage.ts";
export { restoreStage, saveStage } from "./stateFiles.ts";
export {
  exportCheckpoint,
  exportModel,
  exportModelFiles,
  type ExportModelOptions,
  type ModelFilesOptions,
} from "./exportModel.ts";
export { StepLogFile } from "./stepLogFile.ts";
