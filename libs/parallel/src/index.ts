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
  StageFailureError,
  StageLostError,
  StageUnavailableError,
} from "./errors.ts";
export { Fleet, type FleetEvents, type FleetOptions, type Place, type WorkerView } from "./fleet.ts";
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
export { LocalPipeline } from "./localPipeline.ts";
export type { ServedOutput, StageTiming } from "./microBatchFrames.ts";
export { modelCosts, parameterBytes, TYPICAL_LENGTH } from "./modelCosts.ts";
export type { MicroBatchResult, PipelinePort } from "./pipelinePort.ts";
export { planStages, stageCost, type ModelCosts } from "./planStages.ts";
export { Replica, type ReplicaPlan, type ReplicaState } from "./replica.ts";
export { ReplicaSet } from "./replicaSet.ts";
export { closeCodes, type MessageSocket, type SocketClose } from "./socket.ts";
export { Stage, type StageFacts, type StageOutput, type StageOutputKind } from "./stage.ts";
export { StageWorker, type SessionEnd, type StageHost, type StageWorkerOptions } from "./stageWorker.ts";
