/** @file A job in this process that learns from a teacher: its steps, what its evaluations say, and its model. */
import { join } from "node:path";
import type { Hyperparameters } from "../../apps/server/src/jobs/hyperparameters.ts";
import type { OpenPipeline } from "../../apps/server/src/training/pipelineRequest.ts";
import { runTrainingJob, type JobEvent } from "../../apps/server/src/training/runJob.ts";
import { trainingSettingsSchema, type TrainingSettingsInput } from "../../apps/server/src/training/trainingSettings.ts";
import { openLocalPipeline } from "./openLocalPipeline.ts";

export type TaughtJob = Omit<TrainingSettingsInput, "hyperparameters"> & {
  readonly hyperparameters?: Hyperparameters;
};

export type TaughtJobOptions = {
  readonly openPipeline?: OpenPipeline;
  /** Stop after this step. */
  readonly pauseAfter?: number;
};

/** One step of 24 examples when nothing else is said, evaluated on what it is trained on. */
export async function runTaughtJob(
  folder: string,
  { hyperparameters, ...given }: TaughtJob,
  { openPipeline = openLocalPipeline, pauseAfter }: TaughtJobOptions = {},
) {
  const stopping = new AbortController();
  const events: JobEvent[] = [];
  const settings = trainingSettingsSchema.parse({
    evaluation_data: given.data,
    threads: 1,
    ...given,
    hyperparameters: { max_steps: 1, batch_size: 24, learning_rate: 5e-3, warmup_steps: 0, ...hyperparameters },
  });
  const onEvent = (event: JobEvent) => {
    events.push(event);
    if (event.type === "step" && event.step === pauseAfter) stopping.abort("pause");
  };
  await runTrainingJob(settings, { folder, openPipeline, onEvent, signal: stopping.signal });
  const steps = events.flatMap((event) => (event.type === "step" ? [event] : []));
  const metrics = events.flatMap((event) => (event.type === "evaluation" ? [event.evaluation.metrics] : []));
  return { folder, model: join(folder, "model"), steps, metrics: metrics.at(-1)! };
}
