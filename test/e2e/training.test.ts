/** @file Fine-tuning over HTTP with OpenAI's client: from an uploaded file to a served model, and what can happen on the way. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadRequestError, NotFoundError, type OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repository, tinyEncoder } from "../harness/paths.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import {
  createJob,
  eventsOf,
  gone,
  jobProcesses,
  lastStepOf,
  madeStep,
  openAi,
  reached,
  resumptionsOf,
  stepsOf,
  upload,
} from "../harness/trainingJobs.ts";
import { eventually } from "../harness/eventually.ts";

const MODEL = "org/tiny";
const { texts, embeddings } = JSON.parse(readFileSync(`${tinyEncoder}/golden.json`, "utf8")) as {
  texts: string[];
  embeddings: number[][];
};
/** Learns the toy texts in a few seconds. */
const learning = { n_epochs: 5, batch_size: 8, learning_rate: 2e-3, micro_batches: 1 };
/** Would take minutes: for jobs that are stopped on the way. */
const long = { max_steps: 20_000, batch_size: 8, checkpoint_steps: 50 };

let folder: string;
let dataDir: string;
let server: TestServer;
let client: OpenAI;
let file: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-jobs-"));
  dataDir = join(folder, "data");
  writeToyTexts(join(folder, "train.jsonl"), 256, 1);
  await open();
  file = await upload(client, join(folder, "train.jsonl"));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<void> {
  server = await startServer({ dataDir, flags: ["--stages", "2", "--served-model-name", MODEL] });
  client = openAi(server);
}
const create = (hyperparameters: Readonly<Record<string, unknown>>, suffix?: string) =>
  createJob(client, { model: MODEL, file }, { hyperparameters, ...(suffix === undefined ? {} : { suffix }) });
const modelNames = async () => (await client.models.list()).data.map(({ id }) => id);

/** The base model gives the vectors that sentence-transformers gave. */
async function expectBaseAnswers(): Promise<void> {
  const { data } = await client.embeddings.create({ model: MODEL, input: texts, encoding_format: "float" });
  data.forEach(({ embedding }, text) => {
    const differences = embedding.map((value, at) => Math.abs(value - embeddings[text]![at]!));
    expect(Math.max(...differences)).toBeLessThan(1e-5);
  });
}

describe("a fine-tuning job", () => {
  test("from an uploaded file to a model that predicts, while the base model answers", async () => {
    const id = await create(learning, "toy");
    const [seen, rounds] = [new Set<string>(), { whileRunning: 0 }];
    const job = await eventually(
      async () => {
        await expectBaseAnswers();
        for (const { message } of (await client.fineTuning.jobs.listEvents(id)).data) seen.add(message);
        const now = await client.fineTuning.jobs.retrieve(id);
        if (now.status === "running") rounds.whileRunning++;
        expect(now).toMatchObject({ status: "succeeded", error: null });
        return now;
      },
      { timeout: 60_000, interval: 100 },
    );
    expect(rounds.whileRunning).toBeGreaterThan(0);
    await expectBaseAnswers();
    expect(job).toMatchObject({ trained_tokens: expect.any(Number) as number, estimated_finish: null, model: MODEL });
    expect(job.trained_tokens).toBeGreaterThan(0);
    expect(job.method!.supervised).toMatchObject({
      task: "sequence-classification",
      stages: 2,
      hyperparameters: learning,
    });
    // 2e-3 beside the task's 5e-5.
    expect(job.hyperparameters).toEqual({ n_epochs: 5, batch_size: 8, learning_rate_multiplier: 40 });

    const messages = (await eventsOf(client, id)).map(({ message }) => message);
    expect(messages).toEqual(expect.arrayContaining([...seen]));
    expect(messages.slice(0, 4)).toEqual([
      `Created fine-tuning job: ${id}`,
      "Fine-tuning job started",
      "Read 256 examples to train on and 0 to evaluate on; task sequence-classification",
      "Training 160 steps over 2 stages",
    ]);
    expect(messages.slice(-3)).toEqual([
      "The model is written",
      `New fine-tuned model created: ${job.fine_tuned_model}`,
      "The job has successfully completed",
    ]);

    const csv = await (await client.files.content(job.result_files[0]!)).text();
    const [header, ...rows] = csv.trimEnd().split("\n");
    expect(header).toMatch(/^step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy,learning_rate,/);
    expect(rows.map((row) => Number(row.split(",")[0]))).toEqual(Array.from({ length: 160 }, (_, row) => row + 1));

    expect(job.fine_tuned_model).toMatch(/^ft:tiny:stagecoach:toy:\w{8}$/);
    expect((await modelNames()).toSorted()).toEqual([job.fine_tuned_model, MODEL]);
    await expectRightLabels(job.fine_tuned_model!);
  });

  test("tests its model on a share of the file that nothing else has seen, and says so in its last event", async () => {
    const id = await create({ ...learning, n_epochs: 1, validation_split: 0.25, test_split: 0.25 });
    await reached(client, id, "succeeded");
    const events = await eventsOf(client, id);
    const messages = events.map(({ message }) => message);
    expect(messages).toContain(
      "Read 128 examples to train on and 64 to evaluate on, and 64 to test the model on; task sequence-classification",
    );
    const numbers = { test_loss: expect.any(Number) as number, test_accuracy: expect.any(Number) as number };
    expect(events.find(({ message }) => message.startsWith("Test of the checkpoint of step 16: "))?.data).toMatchObject(
      numbers,
    );
    expect(events.at(-1)).toMatchObject({ message: "The job has successfully completed", data: numbers });
  });

  test("with the same suffix gets another name, and DELETE takes its model away", async () => {
    const before = await modelNames();
    const job = await reached(client, await create({ ...learning, n_epochs: 1 }, "toy"), "succeeded");
    const model = job.fine_tuned_model!;
    expect(model).toMatch(/^ft:tiny:stagecoach:toy:\w{8}$/);
    expect(before).not.toContain(model);
    expect((await modelNames()).toSorted()).toEqual([...before, model].toSorted());
    expect(await client.models.delete(model)).toEqual({ id: model, object: "model", deleted: true });
    expect((await modelNames()).toSorted()).toEqual(before.toSorted());
    const response = await server.post("/predict", { inputs: "workers", model });
    expect(response.status).toBe(404);
  });

  test("pauses with a checkpoint, resumes without a step made twice, and is cancelled", async () => {
    const before = await modelNames();
    const id = await create(long);
    await madeStep(dataDir, id, 5);
    const { trainer, workers } = jobProcesses(server);
    expect((await client.fineTuning.jobs.pause(id)).status).toBe("paused");
    await gone([trainer, ...workers]);
    const step = lastStepOf(dataDir, id);
    const checkpoints = (await client.fineTuning.jobs.checkpoints.list(id)).data;
    expect(checkpoints[0]!.step_number).toBe(step);
    await expect(client.models.retrieve("ft:tiny")).rejects.toThrow(NotFoundError);

    expect((await client.fineTuning.jobs.resume(id)).status).toMatch(/queued|running/);
    await madeStep(dataDir, id, step + 5);
    expect(await resumptionsOf(client, id)).toEqual([{ step, reason: "restart", steps_to_replay: 0 }]);

    const again = jobProcesses(server);
    expect((await client.fineTuning.jobs.cancel(id)).status).toBe("cancelled");
    await gone([again.trainer, ...again.workers]);
    await expect(client.fineTuning.jobs.resume(id)).rejects.toThrow(BadRequestError);
    const job = await client.fineTuning.jobs.retrieve(id);
    expect(job).toMatchObject({ status: "cancelled", fine_tuned_model: null, result_files: [] });
    expect(await modelNames()).toEqual(before);
    await expectBaseAnswers();
  });

  test("with a multiplier of the learning rate shows it as it was given, and goes on with the rate that it makes", async () => {
    const multiplied = { max_steps: 120, batch_size: 8, learning_rate_multiplier: 0.3, lr_scheduler: "constant" };
    const id = await create({ ...multiplied, warmup_steps: 0 });
    await madeStep(dataDir, id, 1);
    await client.fineTuning.jobs.pause(id);
    await client.fineTuning.jobs.resume(id);
    const job = await reached(client, id, "succeeded");
    expect(job.hyperparameters).toEqual({ n_epochs: 3, batch_size: 8, learning_rate_multiplier: 0.3 });
    const { learning_rate: rate } = job.method!.supervised!.hyperparameters as { readonly learning_rate?: number };
    expect(rate).toBe(5e-5 * 0.3);
    expect(new Set(stepsOf(dataDir, id).map(({ learningRate }) => learningRate))).toEqual(new Set([rate]));
  });

  test("from an upload of Parquet, with the names of its classes", async () => {
    const parquet = await upload(client, join(repository, "libs/training/fixtures/parquet/labels.parquet"));
    // One of its rows has no label.
    const hyperparameters = { max_steps: 1, batch_size: 2, micro_batches: 1, bad_rows: "skip" };
    const job = await reached(
      client,
      await createJob(client, { model: MODEL, file: parquet }, { hyperparameters }),
      "succeeded",
    );
    const response = await server.post("/predict", { inputs: "text", raw_scores: true, model: job.fine_tuned_model! });
    const [scores] = [(await response.json()) as { label: string }[]];
    expect(scores.map(({ label }) => label).toSorted()).toEqual(["negative", "neutral", "positive"]);
  });

  test("paused at once, before its trainer has read anything, goes on when it is resumed", async () => {
    const id = await create({ ...learning, n_epochs: 1 });
    await eventually(() => expect(jobProcesses(server).trainer).toBeGreaterThan(0), { timeout: 60_000, interval: 5 });
    const { trainer } = jobProcesses(server);
    await client.fineTuning.jobs.pause(id);
    await gone([trainer]);
    await client.fineTuning.jobs.resume(id);
    await reached(client, id, "succeeded");
  });

  test("goes on where it was when the server is told to stop and is started again", async () => {
    const before = await modelNames();
    const id = await create(learning);
    await madeStep(dataDir, id, 20);
    const { trainer, workers } = jobProcesses(server);
    server.process.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    await gone([trainer, ...workers]);
    const step = lastStepOf(dataDir, id);
    expect(step).toBeLessThan(160);
    await open();
    const job = await reached(client, id, "succeeded");
    expect(await resumptionsOf(client, id)).toEqual([{ step, reason: "restart", steps_to_replay: 0 }]);
    expect((await modelNames()).toSorted()).toEqual([...before, job.fine_tuned_model!].toSorted());
    await expectRightLabels(job.fine_tuned_model!);
    await expectBaseAnswers();
  });
});

/** Of 64 texts that were not trained on. */
async function expectRightLabels(model: string): Promise<void> {
  const path = join(folder, "unseen.jsonl");
  writeToyTexts(path, 64, 2);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as { text: string; label: string });
  for (const batch of [rows.slice(0, 32), rows.slice(32)]) {
    const response = await server.post("/predict", { inputs: batch.map(({ text }) => [text]), model });
    expect(response.status).toBe(200);
    const scores = (await response.json()) as { label: string; score: number }[][];
    expect(scores.map(([best]) => best!.label)).toEqual(batch.map(({ label }) => label));
  }
}
