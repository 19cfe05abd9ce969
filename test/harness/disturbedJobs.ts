/** @file A server with a training job that nobody disturbed; others like it are killed, and must end with the same bytes. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { expect } from "vitest";
import { startServer, type TestServer } from "./startServer.ts";
import { writeToyTexts } from "./toyTexts.ts";
import { createJob, modelBytes, openAi, reached, upload } from "./trainingJobs.ts";

const MODEL = "org/tiny";

export type JobLength = { readonly numSteps: number; readonly checkpointSteps: number };

/** Parts of a step of these jobs. */
export const NUM_MICRO_BATCHES = 4;

export class DisturbedJobs implements AsyncDisposable {
  readonly dataDir: string;
  server!: TestServer;
  client!: OpenAI;
  /** The job that nobody disturbed, as it was when it had ended. */
  undisturbed!: { readonly id: string; readonly log: string; readonly model: Buffer };
  readonly #folder: string;
  readonly #length: JobLength;
  readonly #env: Readonly<Record<string, string>>;
  #file = "";

  private constructor(length: JobLength, env: Readonly<Record<string, string>>) {
    this.#folder = mkdtempSync(join(tmpdir(), "stagecoach-kills-"));
    this.#length = length;
    this.#env = env;
    this.dataDir = join(this.#folder, "data");
  }

  /** @param env - for the server and all of its processes */
  static async start(length: JobLength, env: Readonly<Record<string, string>> = {}): Promise<DisturbedJobs> {
    const jobs = new DisturbedJobs(length, env);
    const texts = join(jobs.#folder, "train.jsonl");
    writeToyTexts(texts, 64, 1);
    await jobs.open();
    jobs.#file = await upload(jobs.client, texts);
    const id = await jobs.create();
    await reached(jobs.client, id, "succeeded");
    jobs.undisturbed = { id, log: jobs.logOf(id), model: modelBytes(jobs.dataDir, id) };
    return jobs;
  }

  /** The next gateway on the same data folder. */
  async open(): Promise<void> {
    this.server = await startServer({
      dataDir: this.dataDir,
      env: this.#env,
      flags: ["--stages", "2", "--served-model-name", MODEL],
    });
    this.client = openAi(this.server);
  }

  /** Always the same job. @returns its id */
  create(): Promise<string> {
    return createJob(
      this.client,
      { model: MODEL, file: this.#file },
      {
        seed: 7,
        hyperparameters: {
          max_steps: this.#length.numSteps,
          batch_size: 8,
          micro_batches: NUM_MICRO_BATCHES,
          checkpoint_steps: this.#length.checkpointSteps,
          learning_rate: 1e-3,
          dropout: 0.1,
          attention_dropout: 0.1,
        },
      },
    );
  }

  folderOf(id: string): string {
    return join(this.dataDir, "jobs", id);
  }

  /** The numbers of every step. */
  logOf(id: string): string {
    return readFileSync(join(this.folderOf(id), "steps.jsonl"), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The job succeeds, with the log and the model of the one that nobody disturbed. */
export async function expectSameEnd(jobs: DisturbedJobs, id: string): Promise<OpenAI.FineTuning.FineTuningJob> {
  const job = await reached(jobs.client, id, "succeeded");
  expect(jobs.logOf(id)).toBe(jobs.undisturbed.log);
  expect(modelBytes(jobs.dataDir, id).equals(jobs.undisturbed.model)).toBe(true);
  return job;
}
