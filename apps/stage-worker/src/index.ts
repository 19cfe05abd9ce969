/** @file A stage worker, to be run by a command line (`stagecoach worker`) or started as a process (`./main`). */
export { workerLog } from "./log.ts";
export { workerTracing } from "./workerTracing.ts";
export { runStageWorker, type StageWorkerControls, type StageWorkerSettings } from "./runStageWorker.ts";
