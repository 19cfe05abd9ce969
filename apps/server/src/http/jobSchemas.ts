/** @file Jobs, their events and checkpoints as OpenAI shows them (openapi.yaml, 2026-08), and how they are made from the store's rows. */
import { scheduleNames } from "@stagecoach/parallel";
import { z } from "zod";
import { hyperparametersSchema } from "../jobs/hyperparameters.ts";
import type { JobProgress } from "../jobs/jobFeed.ts";
import type { JobFailure } from "../jobs/jobRunner.ts";
import type { ComparedStep, ShownTimeline } from "../jobs/measuredStep.ts";
import { checkpointName, ORGANIZATION } from "../jobs/modelName.ts";
import { withFullValidation } from "../jobs/openAiNumbers.ts";
import type { TrainingMethod } from "../jobs/trainingRequest.ts";
import type { CheckpointRecord, EventRecord } from "../store/jobHistory.ts";
import type { JobRecord } from "../store/jobRecords.ts";
import { jobStatuses } from "../store/schema.ts";

const numbers = z.record(z.string(), z.number().nullable());

export const jobSchema = z
  .object({
    object: z.literal("fine_tuning.job"),
    id: z.string(),
    created_at: z.int(),
    model: z.string(),
    organization_id: z.string(),
    status: z.enum(jobStatuses).meta({ description: "paused is not OpenAI's, and appears after a pause only" }),
    training_file: z.string(),
    validation_file: z.string().nullable(),
    hyperparameters: z.object({
      n_epochs: z.union([z.literal("auto"), z.number()]),
      batch_size: z.union([z.literal("auto"), z.number()]),
      learning_rate_multiplier: z.union([z.literal("auto"), z.number()]),
    }),
    method: z.object({
      type: z.literal("supervised"),
      supervised: z.looseObject({ hyperparameters: hyperparametersSchema }),
    }),
    fine_tuned_model: z.string().nullable(),
    started_at: z.int().nullable().meta({ description: "not OpenAI's" }),
    finished_at: z.int().nullable(),
    estimated_finish: z.int().nullable(),
    trained_tokens: z.int().nullable(),
    result_files: z.array(z.string()).meta({
      description: "a CSV of numbers by step; OpenAI's columns come first, of which train_accuracy is empty",
    }),
    seed: z.int(),
    integrations: z.array(z.never()),
    error: z.object({ code: z.string(), message: z.string(), param: z.string().nullable() }).nullable(),
    metadata: z.record(z.string(), z.string()).nullable(),
  })
  .meta({ id: "FineTuningJob" });

const intervalSchema = z.object({
  kind: z.enum(["forward", "backward", "update"]),
  micro_batch: z.int().nullable().meta({ description: "null for the update" }),
  start_ms: z.number().meta({ description: "from the start of the step's first pass, as measured by the stage" }),
  end_ms: z.number(),
});
const stepTimelineSchema = z
  .object({
    bubble_share: z.number().meta({ description: "share of `passes_ms` that the stages spent waiting" }),
    passes_ms: z
      .number()
      .meta({ description: "from the start of the first forward pass to the end of the last backward pass" }),
    stages: z.array(z.array(intervalSchema)),
  })
  .meta({ id: "StepTimeline" });

const measuredStepSchema = z
  .object({
    step: z.int(),
    schedule: z.enum(scheduleNames),
    num_micro_batches: z.int(),
    measured: stepTimelineSchema,
    ideal: stepTimelineSchema.meta({
      description: "the schedule with links that take no time, and for each stage the mean of its measured passes",
    }),
  })
  .meta({ id: "FineTuningJobMeasuredStep" });

export const jobTimelineSchema = z
  .object({
    object: z.literal("fine_tuning.job.timeline"),
    job_id: z.string(),
    last_step: measuredStepSchema
      .nullable()
      .meta({ description: "null when none was measured since this server has started" }),
  })
  .meta({ id: "FineTuningJobTimeline" });

export function jobTimelineCard(jobId: string, lastStep: ComparedStep | null): z.input<typeof jobTimelineSchema> {
  const last_step = lastStep === null ? null : measuredStepCard(lastStep);
  return { object: "fine_tuning.job.timeline", job_id: jobId, last_step };
}

function measuredStepCard(compared: ComparedStep): z.input<typeof measuredStepSchema> {
  const { step, schedule, numMicroBatches, measured, ideal } = compared;
  const shown = ({ bubbleShare, passesMs, stages }: ShownTimeline) => ({
    bubble_share: bubbleShare,
    passes_ms: passesMs,
    stages: stages.map((intervals) =>
      intervals.map(({ kind, microBatch, startMs, endMs }) => ({
        kind,
        micro_batch: microBatch,
        start_ms: startMs,
        end_ms: endMs,
      })),
    ),
  });
  return { step, schedule, num_micro_batches: numMicroBatches, measured: shown(measured), ideal: shown(ideal) };
}

/** @param progress - where the job is, while it runs; `now` in Unix seconds */
export function jobCard(job: JobRecord, progress: JobProgress | null, now: number): z.input<typeof jobSchema> {
  const method = JSON.parse(job.method) as TrainingMethod;
  const { n_epochs = "auto", batch_size = "auto", learning_rate_multiplier = "auto" } = method.hyperparameters;
  const secondsLeft = job.status === "running" ? (progress?.secondsLeft ?? null) : null;
  return {
    object: "fine_tuning.job",
    id: job.id,
    created_at: job.created_at,
    model: job.model,
    organization_id: `org-${ORGANIZATION}`,
    status: job.status,
    training_file: job.training_file,
    validation_file: job.validation_file,
    hyperparameters: { n_epochs, batch_size, learning_rate_multiplier },
    method: { type: "supervised", supervised: { ...method } },
    fine_tuned_model: job.status === "succeeded" ? job.model_name : null,
    started_at: job.started_at,
    finished_at: job.finished_at,
    estimated_finish: secondsLeft === null ? null : Math.round(now + secondsLeft),
    trained_tokens: job.trained_tokens,
    result_files: job.result_file === null ? [] : [job.result_file],
    seed: job.seed,
    integrations: [],
    error: parsed(job.error) as JobFailure | null,
    metadata: parsed(job.metadata) as Record<string, string> | null,
  };
}

export const eventSchema = z
  .object({
    object: z.literal("fine_tuning.job.event"),
    id: z.string(),
    created_at: z.int(),
    level: z.enum(["info", "warn", "error"]),
    message: z.string(),
    type: z.enum(["message", "metrics"]),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "FineTuningJobEvent" });

export function eventCard({ id, created_at, level, message, type, data }: EventRecord): z.input<typeof eventSchema> {
  return {
    object: "fine_tuning.job.event",
    id,
    created_at,
    level,
    message,
    type,
    data: (parsed(data) ?? {}) as Record<string, unknown>,
  };
}

export const checkpointSchema = z
  .object({
    object: z.literal("fine_tuning.job.checkpoint"),
    id: z.string(),
    created_at: z.int(),
    fine_tuned_model_checkpoint: z.string(),
    fine_tuning_job_id: z.string(),
    step_number: z.int(),
    metrics: numbers.meta({
      description:
        "of this step: its train_loss, and of the newest evaluation valid_loss, valid_mean_token_accuracy (accuracy of what the task predicts) and the task's metrics; full_valid_* are the same, as evaluations are of all validation data",
    }),
  })
  .meta({ id: "FineTuningJobCheckpoint" });

export function checkpointCard(checkpoint: CheckpointRecord, job: JobRecord): z.input<typeof checkpointSchema> {
  const { id, created_at, step, metrics } = checkpoint;
  return {
    object: "fine_tuning.job.checkpoint",
    id,
    created_at,
    fine_tuned_model_checkpoint: checkpointName(job.model_name, step),
    fine_tuning_job_id: job.id,
    step_number: step,
    metrics: { step, ...withFullValidation(JSON.parse(metrics) as Record<string, number | null>) },
  };
}

/** Of a column that may be empty. */
function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}
