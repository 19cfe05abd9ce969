/** @file Jobs run in trainer processes of their own, so that reading and tokenizing data never holds up a request. */
import type { EngineName } from "@stagecoach/engine/node";
import { exportCheckpoint, readCheckpoint, readRowTexts } from "@stagecoach/training/node";
import type { Hyperparameters } from "../jobs/hyperparameters.ts";
import {
  nothingChecked,
  type BaseModel,
  type CheckedJob,
  type JobContext,
  type JobEnd,
  type JobRunner,
  type RunningJob,
} from "../jobs/jobRunner.ts";
import { askTrainer } from "./askTrainer.ts";
import { failureOf } from "./jobEvents.ts";
import { jobPaths } from "./jobFolder.ts";
import { spawnTrainer, type SpawnTrainerOptions } from "./spawnTrainer.ts";
import type { FromTrainer, ToTrainer } from "./trainerMessages.ts";
import { TrainerWatch } from "./trainerWatch.ts";
import { trainingSettingsSchema, type TrainingSettings } from "./trainingSettings.ts";

export type ForkTrainerOptions = SpawnTrainerOptions & {
  readonly engine: EngineName;
  /** Stages of jobs that do not say. */
  readonly stages: number;
  /** Threads of each stage; the cores, divided by the stages, when left out. */
  readonly threads?: number | undefined;
};

/** A file of so many bytes is read sooner than a process has started. */
const READ_HERE_BYTES = 1 << 20;

export function forkTrainers(options: ForkTrainerOptions): JobRunner {
  return {
    async start(job, context) {
      let settings: TrainingSettings;
      try {
        settings = settingsOf(job, context, options);
      } catch (error) {
        return { stop: () => {}, ended: Promise.resolve({ status: "failed", error: failureOf(error, {}) }) };
      }
      return forkTrainer(settings, context, { ...options, jobId: job.id });
    },
    async check(job, context) {
      let settings: TrainingSettings;
      try {
        settings = settingsOf(job, context, options);
      } catch (error) {
        const { message, param } = failureOf(error, {});
        return { ...nothingChecked, problems: [{ message, param, file: null, line: null, column: null }] };
      }
      const { folder, signal } = context;
      return (await askTrainer({ kind: "check", folder, settings }, signal, options)).check;
    },
    async readTexts({ path, filename: name, bytes }, { signal, ...request }) {
      const file = { path, name };
      if (bytes <= READ_HERE_BYTES) return readRowTexts(file, { ...request, signal });
      return (await askTrainer({ kind: "texts", file, ...request }, signal, options)).rows;
    },
    async exportCheckpoint({ jobFolder, checkpointFolder, output }) {
      const checkpoint = await readCheckpoint(checkpointFolder);
      await exportCheckpoint(output, { files: jobPaths(jobFolder).modelFiles, checkpoint });
    },
  };
}

/** @throws ZodError */
function settingsOf(
  { base, teacher, method, seed }: CheckedJob,
  { dataFiles: { training, validation } }: Pick<JobContext, "dataFiles">,
  { engine, stages, threads }: ForkTrainerOptions,
): TrainingSettings {
  return trainingSettingsSchema.parse({
    ...method,
    hyperparameters: withOneLearningRate(method.hyperparameters),
    ...placeOf(base),
    ...(teacher === undefined
      ? {}
      : { teacher: { ...method.teacher, name: method.teacher?.model, ...placeOf(teacher) } }),
    data: { path: training.path, name: training.filename },
    ...(validation === null ? {} : { evaluation_data: { path: validation.path, name: validation.filename } }),
    stages: method.stages ?? stages,
    engine,
    ...(threads === undefined ? {} : { threads }),
    seed,
  });
}

function placeOf({ reference, revision }: BaseModel) {
  return { model: reference, ...(revision === null ? {} : { revision }) };
}

/**
 * A job that has run before has both its learning rate and the multiplier that OpenAI's clients know; either is taken, not both.
 * The rate is what it has trained with, to the last bit.
 */
function withOneLearningRate(hyperparameters: Hyperparameters): Hyperparameters {
  const { learning_rate_multiplier: _, ...others } = hyperparameters;
  return others.learning_rate === undefined ? hyperparameters : others;
}

function forkTrainer(
  settings: TrainingSettings,
  { folder, onEvent, makeRoom }: JobContext,
  { log, jobId, ...options }: ForkTrainerOptions & { readonly jobId: string },
): RunningJob {
  const trainer = spawnTrainer({ log, ...options }, { jobId });
  const ended = Promise.withResolvers<JobEnd>();
  /** Events are kept one after another; the end comes after all of them. */
  let kept: Promise<void> = Promise.resolve();
  /** Where an event could not be kept, that was the end. */
  const afterEvents = (act: () => void) => void kept.then(act, () => {});
  const send = (message: ToTrainer) => trainer.connected && trainer.send(message);
  const watch = new TrainerWatch(() => {
    log.warn({ jobId }, "the trainer stands still; killing it");
    trainer.kill("SIGKILL");
  });
  const lose = (error: unknown) => {
    trainer.kill("SIGKILL");
    ended.reject(error instanceof Error ? error : new Error(String(error)));
  };
  trainer.on("message", (message: FromTrainer) => {
    watch.heard();
    if (message.kind === "alive") watch.start();
    else if (message.kind === "event") {
      kept = kept.then(() => onEvent(message.event));
      kept.then(() => send({ kind: "kept", event: message.number }), lose);
    } else if (message.kind === "room") {
      const { question, checkpoint } = message;
      makeRoom(checkpoint).then((refusal) => send({ kind: "room", question, refusal }), lose);
    } else if (message.kind === "end") afterEvents(() => ended.resolve(message.end));
    else if (message.kind === "lost") afterEvents(() => ended.reject(new Error(message.reason)));
  });
  trainer.on("error", (error) => ended.reject(error));
  trainer.on("exit", (code, signal) => {
    watch.stop();
    // After an end this changes nothing.
    afterEvents(() => ended.reject(new Error(`the trainer ended with ${signal ?? `code ${code}`}`)));
  });
  send({ kind: "start", folder, settings });
  return { stop: (stop) => void send({ kind: "stop", stop }), ended: ended.promise };
}
