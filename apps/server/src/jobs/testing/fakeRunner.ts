/** @file A runner for tests, whose trainers do what the test says, and which remembers who was started and stopped. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import type { EvaluationReport } from "@stagecoach/training";
import { readRowTexts } from "@stagecoach/training/node";
import { join } from "node:path";
import type { JobProgress } from "../jobFeed.ts";
import {
  nothingChecked,
  type CheckpointExport,
  type JobContext,
  type JobEnd,
  type JobFailure,
  type JobRunner,
  type JobSpec,
  type RunnerEvent,
  type StopKind,
  type TestNumbers,
} from "../jobRunner.ts";

const SAVED = { checkpoint_bytes: 1000, checkpoint_seconds: 0.5 };

export class FakeTrainer {
  readonly job: JobSpec;
  readonly context: JobContext;
  readonly stops: StopKind[] = [];
  readonly #end = Promise.withResolvers<JobEnd>();
  readonly ended = this.#end.promise;
  isRunning = true;

  constructor(job: JobSpec, context: JobContext) {
    this.job = job;
    this.context = context;
  }

  tell(event: RunnerEvent): Promise<void> {
    return this.context.onEvent(event);
  }

  /** A step of nine is made. */
  progress(step: number, facts: Partial<JobProgress> = {}): Promise<void> {
    const none = { secondsLeft: null, trainedTokens: 0, metrics: {}, stages: [], isReplayed: false };
    return this.tell({ type: "progress", step, totalSteps: 9, ...none, ...facts });
  }

  async checkpoint(step: number): Promise<void> {
    const folder = join(this.context.folder, `checkpoint-${step}`);
    mkdirSync(folder, { recursive: true });
    await this.tell({ type: "checkpoint", step, folder, metrics: { train_loss: 1 / step, ...SAVED } });
  }

  /** Write a model and say so. */
  succeed(test: TestNumbers | null = null, evaluations: readonly EvaluationReport[] = []): void {
    const modelFolder = join(this.context.folder, "model");
    mkdirSync(modelFolder, { recursive: true });
    writeFileSync(join(modelFolder, "config.json"), "{}");
    const task = "sequence-classification";
    this.#finish({ status: "succeeded", modelFolder, task, trainedTokens: 1000, evaluations, test });
  }

  fail(error: JobFailure): void {
    this.#finish({ status: "failed", error });
  }

  stopped(): void {
    this.#finish({ status: "stopped" });
  }

  /** As when its process is killed. */
  lose(): void {
    this.isRunning = false;
    this.#end.reject(new Error("killed by SIGKILL"));
  }

  #finish(end: JobEnd): void {
    this.isRunning = false;
    this.#end.resolve(end);
  }
}

export class FakeRunner implements JobRunner {
  readonly trainers: FakeTrainer[] = [];
  /** Jobs that were started while they still ran: none, ever. */
  readonly overlaps: string[] = [];
  /** Whether trainers end at once when they are told to. */
  stopsAtOnce = true;
  #waiting: (() => void)[] = [];

  start = (job: JobSpec, context: JobContext) => {
    if (this.trainers.some((other) => other.isRunning && other.job.id === job.id)) this.overlaps.push(job.id);
    const trainer = new FakeTrainer(job, context);
    this.trainers.push(trainer);
    for (const tell of this.#waiting.splice(0)) tell();
    const stop = (kind: StopKind) => {
      trainer.stops.push(kind);
      if (this.stopsAtOnce) trainer.stopped();
    };
    return Promise.resolve({ stop, ended: trainer.ended });
  };

  /** What is said of every job that is to be checked. */
  onCheck: JobRunner["check"] = () => Promise.resolve({ ...nothingChecked, problems: [] });

  check: JobRunner["check"] = (job, context) => this.onCheck(job, context);

  readTexts: JobRunner["readTexts"] = ({ path, filename: name }, request) => readRowTexts({ path, name }, request);

  /** A copy of what the checkpoint's folder has. */
  async exportCheckpoint({ checkpointFolder, output }: CheckpointExport): Promise<void> {
    await cp(checkpointFolder, output, { recursive: true, errorOnExist: true });
  }

  /** The trainer of the start with this number, from 1, once there was one. */
  async started(number: number): Promise<FakeTrainer> {
    while (this.trainers.length < number) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.trainers[number - 1]!;
  }
}
