/** @file Fine-tuning jobs of a real server: made with OpenAI's client, watched by their step log, their processes found in /proc. */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { expect } from "vitest";
import { readProc, stateOf, threadsOf } from "./processes.ts";
import type { TestServer } from "./startServer.ts";
import { eventually } from "./eventually.ts";

/** Fields beside the base model and the file. */
export type JobRequest = {
  readonly suffix?: string;
  readonly seed?: number;
  /** Guessed from the file's columns when left out. */
  readonly task?: string;
  /** null: the server's choice. */
  readonly stages?: number | null;
  readonly hyperparameters?: Readonly<Record<string, unknown>>;
};

export type JobProcesses = {
  readonly trainer: number;
  /** Process numbers of the training stages' workers, by stage. */
  readonly workers: readonly number[];
};

/** Bound of every wait: nothing of the tiny encoder takes as long. */
const WAIT = { timeout: 60_000, interval: 10 };

export function openAi(server: Pick<TestServer, "url">): OpenAI {
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
}

/** @param path - JSONL @returns the file's id */
export async function upload(client: OpenAI, path: string): Promise<string> {
  return (await client.files.create({ file: createReadStream(path), purpose: "fine-tune" })).id;
}

/** What a file of this name would have. @returns the file's id */
export async function uploadContent(
  client: OpenAI,
  content: string | Uint8Array<ArrayBuffer>,
  name = "train.jsonl",
): Promise<string> {
  return (await client.files.create({ file: new File([content], name), purpose: "fine-tune" })).id;
}

/** @returns the job's id */
export async function createJob(
  client: OpenAI,
  { model, file }: { readonly model: string; readonly file: string },
  { suffix, seed = 42, task, stages = 2, hyperparameters = {} }: JobRequest,
): Promise<string> {
  const supervised = {
    hyperparameters,
    ...(task === undefined ? {} : { task }),
    ...(stages === null ? {} : { stages }),
  } as OpenAI.FineTuning.SupervisedMethod;
  const request = { model, training_file: file, seed, method: { type: "supervised" as const, supervised } };
  return (await client.fineTuning.jobs.create({ ...request, ...(suffix === undefined ? {} : { suffix }) })).id;
}

/** Waits until the job has this status. @throws when it ends in another one */
export async function reached(client: OpenAI, id: string, status: string): Promise<OpenAI.FineTuning.FineTuningJob> {
  const isOver = (now: string) => ["succeeded", "failed", "cancelled"].includes(now);
  const last = await eventually(async () => {
    const job = await client.fineTuning.jobs.retrieve(id);
    if (job.status !== status && !isOver(job.status)) throw new Error(`${id} is ${job.status}, not ${status}`);
    return job;
  }, WAIT);
  expect({ status: last.status, error: last.error }).toMatchObject({ status });
  return last;
}

/** All events, the oldest first. */
export async function eventsOf(client: OpenAI, id: string): Promise<OpenAI.FineTuning.FineTuningJobEvent[]> {
  const events: OpenAI.FineTuning.FineTuningJobEvent[] = [];
  for await (const event of client.fineTuning.jobs.listEvents(id, { limit: 100 })) events.push(event);
  return events.toReversed();
}

export type Resumption = { readonly step: number; readonly reason: string; readonly steps_to_replay: number };

/** Each time that the job went on from a checkpoint. */
export async function resumptionsOf(client: OpenAI, id: string): Promise<Resumption[]> {
  const events = await eventsOf(client, id);
  return events.filter(({ message }) => message.startsWith("Going on")).map(({ data }) => data as Resumption);
}

/** Steps of the job's log, and evaluations. */
export function stepsOf(dataDir: string, id: string): { readonly step: number; readonly learningRate?: number }[] {
  const path = join(dataDir, "jobs", id, "steps.jsonl");
  const whole = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
  return whole.map((line) => JSON.parse(line) as { step: number; learningRate: number });
}

/** The last step that the job's log has; 0 before the first. */
export function lastStepOf(dataDir: string, id: string): number {
  return Math.max(0, ...stepsOf(dataDir, id).map(({ step }) => step));
}

/** Waits until the job has made the step. */
export async function madeStep(dataDir: string, id: string, step: number): Promise<void> {
  await eventually(() => expect(lastStepOf(dataDir, id)).toBeGreaterThanOrEqual(step), WAIT);
}

/** Starts of jobs that these servers' logs tell of, in order. */
export function jobStarts(servers: readonly Pick<TestServer, "log">[]): { jobId: string; attempt: number }[] {
  return servers
    .flatMap(({ log }) => log().split("\n"))
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { msg: string; jobId: string; attempt: number })
    .filter(({ msg }) => msg === "job started");
}

/** Attempts at the job that these servers' logs tell of. */
export function attemptsOf(servers: readonly Pick<TestServer, "log">[], id: string): number[] {
  return jobStarts(servers)
    .filter(({ jobId }) => jobId === id)
    .map(({ attempt }) => attempt);
}

/** The job succeeds with each of its steps made once, and is told of, and its model is there, once. */
export async function expectDoneOnce(
  client: OpenAI,
  { id, dataDir, numSteps }: { readonly id: string; readonly dataDir: string; readonly numSteps: number },
): Promise<OpenAI.FineTuning.FineTuningJob> {
  const job = await reached(client, id, "succeeded");
  expect(stepsOf(dataDir, id).map(({ step }) => step)).toEqual(
    Array.from({ length: numSteps }, (_, index) => index + 1),
  );
  const messages = (await eventsOf(client, id)).map(({ message }) => message);
  for (const once of [
    `Created fine-tuning job: ${id}`,
    "Fine-tuning job started",
    `New fine-tuned model created: ${job.fine_tuned_model}`,
  ])
    expect(messages.filter((message) => message === once)).toEqual([once]);
  expect((await client.models.list()).data.filter((model) => model.id === job.fine_tuned_model)).toHaveLength(1);
  return job;
}

export function modelBytes(dataDir: string, id: string): Buffer {
  return readFileSync(join(dataDir, "models", id, "model.safetensors"));
}

/** Processes of the job that runs; a place is -1 while nobody is there. */
export function jobProcesses(server: TestServer, numStages = 2): JobProcesses {
  const trainer = childrenOf(server.process.pid!).find((pid) => commandOf(pid).includes("trainerMain")) ?? -1;
  const workers = Array.from({ length: numStages }, () => -1);
  for (const pid of trainer === -1 ? [] : childrenOf(trainer)) {
    const stage = stageOf(pid);
    if (stage !== null) workers[stage] = pid;
  }
  return { trainer, workers };
}

/** Waits until none of the processes is there. */
export async function gone(pids: readonly number[]): Promise<void> {
  await eventually(() => expect(pids.filter(isAlive)).toEqual([]), WAIT);
}

/** Stage workers of the server's own model and of models that it hosts besides. */
export function servingWorkers(server: TestServer): number[] {
  return childrenOf(server.process.pid!).filter((pid) => stageOf(pid) !== null);
}

function childrenOf(parent: number): number[] {
  return threadsOf(parent)
    .flatMap((thread) => readProc(`${thread}/children`).split(" "))
    .filter((text) => text !== "")
    .map(Number);
}

const commandOf = (pid: number) => readProc(`/proc/${pid}/cmdline`);

function stageOf(pid: number): number | null {
  const settings = /STAGECOACH_WORKER_SETTINGS=([^\0]*)/.exec(readProc(`/proc/${pid}/environ`))?.[1];
  if (settings === undefined) return null;
  return (JSON.parse(settings) as { child: { seat: { stage: number } } }).child.seat.stage;
}

/** A process that has ended, and that nobody has asked about, does not count. */
function isAlive(pid: number): boolean {
  const state = stateOf(`/proc/${pid}`);
  return state !== null && state !== "Z";
}
