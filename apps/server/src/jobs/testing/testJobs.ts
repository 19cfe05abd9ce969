/** @file Jobs in a folder of their own for tests, with a runner that does what the test says and a clock that it sets. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { vi } from "vitest";
import type { JobRecord } from "../../store/jobRecords.ts";
import type { JobStatus } from "../../store/schema.ts";
import { openJobs, type Jobs, type JobsOptions } from "../openJobs.ts";
import type { TrainingRequest } from "../trainingRequest.ts";
import { FakeRunner } from "./fakeRunner.ts";

/** However slow the machine is. */
const WAIT = { timeout: 15_000 };

export class TestJobs implements AsyncDisposable {
  readonly dataDir = mkdtempSync(join(tmpdir(), "stagecoach-jobs-"));
  readonly #options: Partial<JobsOptions>;
  runner = new FakeRunner();
  time = 1_000_000;
  jobs!: Jobs;

  private constructor(options: Partial<JobsOptions>) {
    this.#options = options;
  }

  static async open(options: Partial<JobsOptions> = {}): Promise<TestJobs> {
    const opened = new TestJobs(options);
    await opened.open();
    return opened;
  }

  options(): JobsOptions {
    return {
      dataDir: this.dataDir,
      maxFileBytes: 1000,
      maxFilesBytes: 10_000,
      checkpointRetention: 3600,
      maxCheckpointsBytes: 10_000,
      runner: this.runner,
      findBaseModel: (name) =>
        Promise.resolve(name === "org/tiny" ? { reference: "/models/tiny", revision: null } : null),
      log: pino({ level: "silent" }),
      now: () => this.time,
      ...this.#options,
    };
  }

  async open(): Promise<void> {
    this.jobs = await openJobs(this.options());
  }

  /** A gateway that is told to stop, and another in its place. */
  async restart(): Promise<void> {
    await this.jobs.close();
    this.runner = new FakeRunner();
    await this.open();
  }

  /** As after `kill -9`: nothing is told to stop, nothing more is stored. */
  async crash(): Promise<void> {
    await this.jobs.store.close();
    this.runner = new FakeRunner();
    await this.open();
  }

  async upload(text = '{"text":"a","label":"b"}\n', filename = "train.jsonl"): Promise<string> {
    const { files } = this.jobs;
    const content = await files.receive(chunks(text));
    return (await files.add({ filename, purpose: "fine-tune", expiresAfterSeconds: null, content })).id;
  }

  async create(request: Partial<TrainingRequest> = {}): Promise<JobRecord> {
    const training_file = request.training_file ?? (await this.upload());
    return this.jobs.create({ model: "org/tiny", ...request, training_file });
  }

  /** The job, once it has this status. */
  async reaching(jobId: string, status: JobStatus): Promise<JobRecord> {
    return vi.waitFor(async () => {
      const job = await this.jobs.find(jobId);
      if (job.status !== status) throw new Error(`the job is ${job.status}, not ${status}: ${job.error ?? ""}`);
      return job;
    }, WAIT);
  }

  async messages(jobId: string): Promise<string[]> {
    const { rows } = await this.jobs.store.history.listEvents(jobId, { limit: 100 });
    return rows.map(({ message }) => message);
  }

  /** @throws Error when a job was started while it still ran */
  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.jobs.close();
    for (const trainer of this.runner.trainers) trainer.stopped();
    await closing;
    rmSync(this.dataDir, { recursive: true, force: true });
    if (this.runner.overlaps.length > 0) throw new Error(`started twice: ${this.runner.overlaps.join(", ")}`);
  }
}

export async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
