/**
 * @file What a trainer and its stages say to each other on the control connection, besides what serving says (control.ts).
 *
 * A step: `step` begins it on every stage, `accumulated` says that a stage has run its schedule, `apply` changes parameters.
 * docs/PROTOCOL.md shows the order.
 */
import { z } from "zod";
import { scheduleNames } from "../schedules/pipelineSchedule.ts";

const count = z.int().min(0);
const inEpoch = { epoch: count };
const inStep = { epoch: count, step: count };

/** What a stage is to train; opaque here, read by the host of the stage (apps/stage-worker). */
export const trainingSettings = z.record(z.string(), z.json());

export const trainingFromGateway = [
  z.strictObject({
    kind: z.literal("step"),
    ...inStep,
    numMicroBatches: z.int().min(1),
    schedule: z.enum(scheduleNames),
    /** Per loss part: 1 / what it counts over the step. */
    scales: z.record(z.string(), z.number()),
  }),
  z.strictObject({
    kind: z.literal("apply"),
    ...inStep,
    /** Counts the updates, for bias correction. */
    update: z.int().min(1),
    learningRate: z.number(),
    gradientScale: z.number(),
  }),
  z.strictObject({ kind: z.literal("save"), ...inEpoch, folder: z.string(), file: z.string() }),
  z.strictObject({ kind: z.literal("restore"), ...inEpoch, folder: z.string(), files: z.array(z.string()) }),
] as const;

/** Milliseconds since the stage heard of the step. */
const span = { startMs: z.number(), endMs: z.number() };
const interval = z.strictObject({ kind: z.enum(["forward", "backward"]), microBatch: count, ...span });

export const trainingFromWorker = [
  z.strictObject({
    kind: z.literal("accumulated"),
    ...inStep,
    /** Sum of squares of each gradient, by parameter; as text, since JSON has no NaN. */
    squares: z.record(z.string(), z.string()),
    /** When the stage heard of the step, in Unix milliseconds: stages of one machine have one clock. */
    heardAt: z.number(),
    intervals: z.array(interval),
  }),
  z.strictObject({ kind: z.literal("applied"), ...inStep, ...span }),
  z.strictObject({ kind: z.literal("saved"), ...inEpoch, file: z.string() }),
  z.strictObject({ kind: z.literal("restored"), ...inEpoch }),
  /** A command or a micro-batch of a training step could not be done. */
  z.strictObject({ kind: z.literal("trainingFailed"), ...inEpoch, code: z.string(), message: z.string() }),
] as const;

export type TrainingInterval = z.infer<typeof interval>;
export type TrainingCommand = z.infer<(typeof trainingFromGateway)[number]>;
export type TrainingAnswer = z.infer<(typeof trainingFromWorker)[number]>;
export type TrainingAnswerOf<K extends TrainingAnswer["kind"]> = Extract<TrainingAnswer, { kind: K }>;
