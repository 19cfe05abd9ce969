/** @file Pipelines of stages: plans, frames, links, workers, replicas, and the batching of requests. */
export {
  Batcher,
  type BatcherOptions,
  type BatchRequest,
  type BatchResponse,
  type MicroBatchReport,
  type TokenizedText,
} from "./batcher.ts";
export { checkpointParameters, type CheckpointParameters, type ModelWeights } from "./checkpointParameters.ts";
export type { Assignment, WorkerCounters } from "./control.ts";
export {
  FrameError,
  OverloadedError,
  PlanError,
  ProtocolError,
  ScheduleError,
  StageFailureError,
  StageLostError,
  StageUnavailableError,
  TracingError,
} from "./errors.ts";
export { Fleet, type FleetEvents, type FleetOptions, type Place, type StageView, type WorkerView } from "./fleet.ts";
export {
  decodeFrame,
  encodeFrame,
  frameBytesFor,
  frameKinds,
  PROTOCOL_VERSION,
  type Crc32,
  type Frame,
  type FrameKind,
} from "./frame.ts";
export { cutByLength, runSeconds, typicalRunCost, type RunCost } from "./lengthGroups.ts";
export { Serial } from "./serial.ts";
export { SingleStagePipeline } from "./singleStagePipeline.ts";
export {
  BASE_MODEL,
  MAX_ATTENTION_VALUES,
  MAX_MASKED_ROWS,
  type ServedOutput,
  type StageTiming,
} from "./microBatchFrames.ts";
export { modelCosts, parameterBytes, TYPICAL_LENGTH } from "./modelCosts.ts";
export type { MicroBatchResult, PipelinePort } from "./pipelinePort.ts";
export { canShareProgram, numLanes } from "./numLanes.ts";
export { planStages, stageCost, type ModelCosts } from "./planStages.ts";
export { Replica, type ReplicaPlan, type ReplicaState } from "./replica.ts";
export { ReplicaSet } from "./replicaSet.ts";
export { closeCodes, type MessageSocket, type SocketClose } from "./socket.ts";
export { Stage, type StageFacts, type StageOutput, type StageOutputKind, type TimedOutput } from "./stage.ts";
export type { StageHost, TrainingStageHost } from "./stageHost.ts";
export { StageWorker, type SessionEnd, type StageWorkerOptions } from "./stageWorker.ts";
export { compareTimelines, type Compared, type TimelineComparison } from "./schedules/compareTimelines.ts";
export type { LinkCost, Transfer } from "./schedules/executeSchedule.ts";
export { lintSchedule } from "./schedules/lintSchedule.ts";
export { pipelineSchedule, scheduleNames, type ScheduleName, type ScheduleSize } from "./schedules/pipelineSchedule.ts";
export {
  describeAction,
  type Action,
  type ComputeKind,
  type PipelineSchedule,
  type TransferKind,
} from "./schedules/schedule.ts";
export { scheduleAscii, type AsciiOptions } from "./schedules/scheduleAscii.ts";
export { scheduleSvg, type SvgOptions } from "./schedules/scheduleSvg.ts";
export {
  simulateSchedule,
  type PassSeconds,
  type ScheduleCosts,
  type Simulation,
} from "./schedules/simulateSchedule.ts";
export {
  bubbleShare,
  busySeconds,
  timelineFacts,
  type Interval,
  type Span,
  type Timeline,
  type TimelineFacts,
} from "./schedules/timeline.ts";
export { timelineTrace, type TimelineTrace, type TraceEvent } from "./schedules/timelineTrace.ts";
export type { StageTrainingBatch } from "./training/trainingFrames.ts";
export type { TrainingInterval } from "./training/trainingMessages.ts";
export {
  RemoteTrainingPipeline,
  type RemoteStep,
  type RemoteStepResult,
  type TensorsByName,
} from "./training/remoteTrainingPipeline.ts";
export type { TrainingHost } from "./training/trainingWork.ts";
export { parseTraceparent, type SpanId } from "./tracing/traceparent.ts";
export { recordPart, type RequestTrace, type SpanAttributes, type Tracer, type TraceSpan } from "./tracing/tracer.ts";
export type { FrameTensor } from "./frame.ts";
export type { FurtherModel } from "./control.ts";
export type { ServedModel } from "./replica.ts";
