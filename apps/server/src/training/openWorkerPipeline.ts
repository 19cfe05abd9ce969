/**
 * @file Training over stage workers: processes of this one, joined by WebSockets, as the pipeline that a training loop drives.
 *
 * Workers are children, supervised like those of serving, in processes of their own so that a step never blocks a request. When
 * one is lost, what is under way is rejected with StageLostError, another is started, and `recovered` says when all are back:
 * they hold the initial parameters then, and the loop restores its last checkpoint.
 */
import {
  Fleet,
  frameBytesFor,
  RemoteTrainingPipeline,
  type FleetEvents,
  type RemoteStepResult,
  type ReplicaPlan,
  type ScheduleName,
  type TensorsByName,
  type TrainingInterval,
} from "@stagecoach/parallel";
import { after, crc32, every, listenForSockets, newId, now } from "@stagecoach/parallel/node";
import type { EngineName } from "@stagecoach/engine/node";
import {
  expectStages,
  globalNorm,
  lossScales,
  sharedWeightOf,
  summarize,
  type StageSettings,
  type StageTimes,
  type TrainingPipeline,
} from "@stagecoach/training";
import { hiddenOf, readEncoderModel, type TaskModel, type TrainingBatch } from "@stagecoach/transformer";
import { jsonReader, layoutFingerprint } from "@stagecoach/transformer/node";
import type { Logger } from "pino";
import { StageRefusedError } from "../gateway/stageRefusedError.ts";
import { Supervisor } from "../gateway/supervisor.ts";
import { workerPaths } from "../gateway/workerPaths.ts";
import type { MeasuredStep } from "../jobs/measuredStep.ts";
import { trainingStages } from "./trainingStages.ts";

export type WorkerPipelineOptions = {
  /** The base model's folder on this machine. */
  readonly folder: string;
  readonly settings: StageSettings;
  readonly numStages: number;
  readonly engine: EngineName;
  /** Threads of each stage. */
  readonly threads: number;
  readonly schedule: ScheduleName;
  /** Most tokens of a micro-batch, which bounds frames. */
  readonly maxMicroBatchTokens: number;
  readonly log: Logger;
  readonly signal?: AbortSignal;
  /** What each stage did when; told after every step, once all stages have changed their parameters. */
  readonly onStep?: (measured: MeasuredStep) => void;
};

export type WorkerPipeline = TrainingPipeline & {
  /** Resolves when every stage is there, after the loss of one too. @throws StageLostError when another is lost meanwhile */
  recovered(): Promise<void>;
};

const HEARTBEAT_MS = 1000;
const LEASE_MS = 5000;
/** An engine that has been on one micro-batch, or on compiling, for this long is stuck. */
const STUCK_MS = 600_000;
/** Frames that a link may hold: more than any schedule has under way. */
const LINK_CREDITS = 256;
const CONTROL_MESSAGE_BYTES = 16 << 20;
const STOP_GRACE_MS = 10_000;

/** @returns once every stage has loaded its layers @throws PlanError for more stages than layers; what loading them throws; StageLostError; the signal's reason */
export async function openWorkerPipeline(options: WorkerPipelineOptions): Promise<WorkerPipeline> {
  const { folder, settings, numStages, log, signal } = options;
  const model: TaskModel = { ...(await readEncoderModel(jsonReader(folder))), task: settings.task };
  expectStages(model, numStages);
  // What can be refused is refused before anything listens.
  const stages = trainingStages(model, settings, numStages);
  const fingerprint = await layoutFingerprint(folder);
  const token = newId() + newId();
  const shared = sharedWeightOf(model);
  const fleet: { current: Fleet | null } = { current: null };
  const maxFrameBytes = trainingFrameBytes(model, options);
  const listener = await listenForSockets({
    host: "127.0.0.1",
    port: 0,
    token,
    paths: workerPaths({
      fleet,
      whyNone: "the trainer is starting or stopping",
      maxControlBytes: CONTROL_MESSAGE_BYTES,
      maxFrameBytes,
      log,
    }),
  });
  const plan: ReplicaPlan = {
    stages,
    model: { reference: folder, revision: null, fingerprint },
    engine: options.engine,
    threads: options.threads,
    credits: LINK_CREDITS,
    maxFrameBytes,
    gatewayDataUrl: listener.urlOf("/data"),
    training: {
      training: JSON.parse(JSON.stringify(settings)) as Record<string, never>,
      sharesWeight: shared !== null,
    },
  };
  const supervisor = new Supervisor({
    places: plan.stages.map((_, stage) => ({ replica: 0, stage })),
    settings: {
      join: listener.urlOf("/"),
      token,
      listenHost: "127.0.0.1",
      listenPort: 0,
      advertise: null,
      modelFolder: folder,
      traces: false,
    },
    log,
    onRestart: () => {},
  });
  const started: { run: RemoteTrainingPipeline | null } = { run: null };
  fleet.current = new Fleet({
    plan,
    numReplicas: 1,
    heartbeatMs: HEARTBEAT_MS,
    leaseMs: LEASE_MS,
    stuckMs: STUCK_MS,
    crc32,
    now,
    every,
    after,
    newId,
    events: eventsOf({ started, fleet, supervisor, log }),
  });
  const run = new RemoteTrainingPipeline(fleet.current.pipeline.replicas[0]!, numStages, after);
  started.run = run;
  const close = async () => {
    fleet.current?.stop();
    fleet.current = null;
    await supervisor.stop(STOP_GRACE_MS);
    await listener.close();
  };
  supervisor.start();
  try {
    await run.up(signal);
  } catch (error) {
    await close();
    throw error;
  }
  return pipelineOf(run, { options, close });
}

type Parts = {
  readonly options: WorkerPipelineOptions;
  readonly close: () => Promise<void>;
};

function pipelineOf(run: RemoteTrainingPipeline, { options, close }: Parts): WorkerPipeline {
  const { schedule, onStep } = options;
  let passes: RemoteStepResult["intervals"] = [];
  return {
    numStages: run.numStages,
    async accumulate({ step, microBatches }) {
      const scales = lossScales(microBatches);
      const { outputs, squares, intervals } = await run.step({ step, microBatches, scales, schedule });
      passes = intervals;
      const times = intervals.map(timesOf(intervals));
      return summarize(outputs satisfies readonly TensorsByName[], globalNorm(squares), times);
    },
    async apply(update) {
      const updates = await run.apply(update);
      const stages = passes.map((own, stage) => {
        const { startMs, endMs } = updates[stage]!;
        return [...own, { kind: "update" as const, microBatch: null, startMs, endMs }];
      });
      onStep?.({ step: update.step, schedule, stages });
    },
    evaluate: async (batch: TrainingBatch) => run.evaluate(batch, lossScales([batch])),
    save: (folder) => run.save(folder),
    restore: (folder, files) => run.restore(folder, files),
    recovered: () => run.up(options.signal),
    close,
  };
}

/** Busy seconds of a stage, and what it was idle for until the last stage was done. */
const timesOf =
  (all: readonly (readonly TrainingInterval[])[]) =>
  (own: readonly TrainingInterval[]): StageTimes => {
    const busy = (kind: TrainingInterval["kind"]) =>
      own.filter((each) => each.kind === kind).reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) / 1000;
    const makespan = Math.max(...all.flat().map(({ endMs }) => endMs)) / 1000;
    const [forward, backward] = [busy("forward"), busy("backward")];
    return { forward, backward, idle: Math.max(0, makespan - forward - backward) };
  };

/** Activations of the largest micro-batch with what a teacher says of its texts and tokens, or of a teacher what it says, or the gradient of a weight that two stages share. */
function trainingFrameBytes(model: TaskModel, { maxMicroBatchTokens, settings }: WorkerPipelineOptions): number {
  const { hiddenSize, vocabSize } = model.config;
  const shared = sharedWeightOf(model) === null ? 0 : vocabSize * hiddenSize * 4;
  const tokens = Math.max(maxMicroBatchTokens, model.config.maxLength);
  const { task } = model;
  const vectors = task.name === "sentence-embedding" ? (task.teacher?.dimensions ?? 0) : 0;
  const logits = "numLabels" in task ? task.numLabels : 0;
  const compared = (hiddenOf(task)?.states.length ?? 0) * (hiddenOf(task)?.size ?? 0);
  const said = (settings.states?.length ?? 0) * hiddenSize;
  return frameBytesFor(Math.max(shared, tokens * (hiddenSize + vectors + logits + compared + said + 16) * 4));
}

type EventContext = {
  readonly started: { readonly run: RemoteTrainingPipeline | null };
  /** null once the pipeline is being closed. */
  readonly fleet: { readonly current: Fleet | null };
  readonly supervisor: Supervisor;
  readonly log: Logger;
};

function eventsOf({ started, fleet, supervisor, log }: EventContext): FleetEvents {
  return {
    onJoin: (worker) => log.debug(worker, "training worker joined"),
    onLost(worker, reason) {
      if (fleet.current === null) return;
      log.warn({ ...worker, reason }, "training worker lost");
      supervisor.killIfOurs(worker.workerId);
    },
    onReplicaState(_, state, why) {
      log.debug({ state, why }, "training pipeline");
      started.run?.stateChanged(state, why);
    },
    // Every stage is a child with this machine's files: what it refuses once it will refuse again.
    onRefused: (_, { code, message }) => started.run?.giveUp(new StageRefusedError(code, message)),
    onCounters: () => {},
    onTraining: (stage, answer) => started.run?.receive(stage, answer),
  };
}
