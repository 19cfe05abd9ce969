/**
 * @file Metrics of files and jobs.
 *
 * A job's numbers (jobs/jobNumbers.ts) are there while it runs: they come with what its runner tells, and go when it runs no longer.
 */
import { Counter, Gauge, type Registry } from "prom-client";
import {
  checkpointNumbers,
  evaluationNumbers,
  stagePhases,
  stepNumbers,
  type CheckpointNumbers,
  type EvaluationNumbers,
  type StageSeconds,
  type StepNumbers,
} from "../jobs/jobNumbers.ts";
import type { RunEnd, RunnerEvent } from "../jobs/jobRunner.ts";

export type JobLevels = {
  readonly jobs: Readonly<Record<string, number>>;
  readonly files: { readonly count: number; readonly bytes: number };
};

/** Numbers with a gauge of their own: `stagecoach_job_` and the name. */
const gauges = {
  step: "Step at which a running job is",
  ...stepNumbers,
  ...evaluationNumbers,
  ...checkpointNumbers,
} as const;

/** Codes of failures that have a series before the first one: an increase from nothing is none to Prometheus. */
const failureCodes = [
  "checkpoint_quota",
  "disk_full",
  "stage_failure",
  "trainer_lost",
  "training_diverged",
  "training_stalled",
];
const runOutcomes: readonly RunEnd["outcome"][] = ["succeeded", "failed", "stopped", "lost"];

type GaugeName = keyof typeof gauges;
type JobNumbers = { readonly step: number } & (Partial<StepNumbers> | EvaluationNumbers | CheckpointNumbers);

/** What is read when somebody asks. */
type Level = {
  readonly labelNames?: string[];
  readonly set: (gauge: Gauge, levels: JobLevels) => void;
};

export class JobMetrics {
  readonly #gauges: Readonly<Record<GaugeName, Gauge<"job">>>;
  readonly #evaluation: Gauge<"job" | "metric">;
  readonly #stageSeconds: Counter<"job" | "stage" | "phase">;
  readonly #replayedSteps: Counter;
  readonly #starts: Counter;
  readonly #ends: Counter<"outcome">;
  readonly #failures: Counter<"code">;
  readonly #lastEvent: Gauge<"job">;

  /** @param read - asked at each scrape */
  constructor(registry: Registry, read: () => Promise<JobLevels>) {
    const registers = [registry];
    const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
      new Gauge({ name: `stagecoach_${name}`, help, labelNames, registers });
    const level = (name: string, help: string, { labelNames = [], set }: Level) =>
      new Gauge({
        name: `stagecoach_${name}`,
        help,
        labelNames,
        registers,
        async collect() {
          set(this, await read());
        },
      });
    level("files", "Files that are kept", { set: (each, { files }) => each.set(files.count) });
    level("files_bytes", "Bytes of all files", { set: (each, { files }) => each.set(files.bytes) });
    level("jobs", "Fine-tuning jobs by status", {
      labelNames: ["status"],
      set(each, { jobs }) {
        for (const [status, count] of Object.entries(jobs)) each.set({ status }, count);
      },
    });
    this.#gauges = Object.fromEntries(
      Object.entries(gauges).map(([name, help]) => [name, gauge(`job_${name}`, help, "job")]),
    ) as Record<GaugeName, Gauge<"job">>;
    this.#evaluation = gauge("job_evaluation", "Evaluation metrics of a running job", "job", "metric");
    // Without the job: it has to outlive the trainer that was lost.
    this.#replayedSteps = new Counter({
      name: "stagecoach_job_replayed_steps_total",
      help: "Steps that jobs have made again after the loss of a stage or of a trainer",
      registers,
    });
    this.#starts = new Counter({
      name: "stagecoach_job_starts_total",
      help: "Runs of jobs that were started: a job that goes on after a stop or a loss is counted again",
      registers,
    });
    this.#ends = new Counter({
      name: "stagecoach_job_ends_total",
      help: "Runs of jobs that have ended, by how",
      labelNames: ["outcome"],
      registers,
    });
    this.#failures = new Counter({
      name: "stagecoach_job_failures_total",
      help: "Jobs that have failed, by the code of their error",
      labelNames: ["code"],
      registers,
    });
    for (const outcome of runOutcomes) this.#ends.inc({ outcome }, 0);
    for (const code of failureCodes) this.#failures.inc({ code }, 0);
    this.#lastEvent = gauge(
      "job_last_event_timestamp_seconds",
      "When a running job last told anything, Unix time",
      "job",
    );
    this.#stageSeconds = new Counter({
      name: "stagecoach_job_stage_seconds_total",
      help: "Time of a running job's steps on a stage, by what it was spent on",
      labelNames: ["job", "stage", "phase"],
      registers,
    });
  }

  start(job: string): void {
    this.#starts.inc();
    this.#lastEvent.set({ job }, Date.now() / 1000);
  }

  /** What the runner of a job has told. */
  observe(job: string, event: RunnerEvent): void {
    this.#lastEvent.set({ job }, Date.now() / 1000);
    switch (event.type) {
      case "progress":
        this.#addSeconds(job, event.stages);
        if (event.isReplayed) this.#replayedSteps.inc();
        return this.#set(job, { ...event.metrics, step: event.step });
      case "metrics":
      case "checkpoint":
        return this.#set(job, { ...event.metrics, step: event.step });
      case "message":
      case "checkpointRemoved":
      case "trial":
      case "timeline":
      case "resolved":
        return undefined;
    }
  }

  /** A job that runs no longer has no numbers. */
  async end(job: string, end: RunEnd): Promise<void> {
    this.#ends.inc({ outcome: end.outcome });
    if (end.outcome === "failed") this.#failures.inc({ code: end.code });
    this.#lastEvent.remove({ job });
    for (const each of Object.values(this.#gauges)) each.remove({ job });
    const [evaluation, seconds] = [this.#evaluation, this.#stageSeconds];
    for (const { labels } of (await evaluation.get()).values) if (labels.job === job) evaluation.remove(labels);
    for (const { labels } of (await seconds.get()).values) if (labels.job === job) seconds.remove(labels);
  }

  #addSeconds(job: string, stages: readonly StageSeconds[]): void {
    for (const [stage, seconds] of stages.entries()) {
      for (const phase of stagePhases) this.#stageSeconds.inc({ job, stage: String(stage), phase }, seconds[phase]);
    }
  }

  #set(job: string, numbers: JobNumbers): void {
    for (const [name, value] of Object.entries<number | null | undefined>(numbers)) {
      if (value == null) continue;
      if (Object.hasOwn(this.#gauges, name)) this.#gauges[name as GaugeName].set({ job }, value);
      else if (name.startsWith("valid_")) this.#evaluation.set({ job, metric: name.slice("valid_".length) }, value);
    }
  }
}
