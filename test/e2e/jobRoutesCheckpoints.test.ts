/** @file Checkpoints of a job as models: served by the name that the list of checkpoints gives, for as long as they are kept. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { metric } from "../harness/load.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, madeStep, modelBytes, openAi, reached, upload } from "../harness/trainingJobs.ts";
import { eventually } from "../harness/eventually.ts";

const MODEL = "org/tiny";
const TEXT = "the workers of stag";
/** A constant rate: the steps of a longer run are those of a shorter one. */
const constant = { batch_size: 8, micro_batches: 1, learning_rate: 1e-3, lr_scheduler: "constant", warmup_steps: 0 };

let folder: string;
let server: TestServer;
let client: OpenAI;
let file: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-checkpoints-"));
  writeToyTexts(join(folder, "train.jsonl"), 64, 1);
  const flags = ["--stages", "2", "--served-model-name", MODEL];
  server = await startServer({ dataDir: join(folder, "data"), flags });
  client = openAi(server);
  file = await upload(client, join(folder, "train.jsonl"));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const create = (hyperparameters: Readonly<Record<string, unknown>>, model = MODEL) =>
  createJob(client, { model, file }, { hyperparameters: { ...constant, ...hyperparameters } });
const checkpointsOf = async (id: string) => (await client.fineTuning.jobs.checkpoints.list(id)).data;
const predict = (model: string) => server.post("/predict", { inputs: TEXT, model });
const scoresOf = async (model: string): Promise<unknown> => {
  const response = await predict(model);
  expect(response.status).toBe(200);
  return response.json();
};
const problemOf = async (response: Response) => [response.status, ((await response.json()) as { error: string }).error];

describe("the checkpoints of a job", () => {
  test("are served by name, with the weights that they had; those that retention has taken are a 404 that says so", async () => {
    const long = await reached(client, await create({ max_steps: 30, checkpoint_steps: 10 }), "succeeded");
    const short = await reached(client, await create({ max_steps: 20 }), "succeeded");
    const checkpoints = await checkpointsOf(long.id);
    expect(checkpoints.map(({ step_number }) => step_number)).toEqual([30, 20]);
    const [last, earlier] = checkpoints.map((each) => each.fine_tuned_model_checkpoint);

    expect(await scoresOf(last!)).toEqual(await scoresOf(long.fine_tuned_model!));
    expect(await scoresOf(earlier!)).toEqual(await scoresOf(short.fine_tuned_model!));
    expect(await scoresOf(earlier!)).not.toEqual(await scoresOf(last!));
    const written = join(folder, "data", "jobs", long.id, "checkpoint-models", "step-20", "model.safetensors");
    expect(readFileSync(written).equals(modelBytes(join(folder, "data"), short.id))).toBe(true);

    const embeddings = async (model: string) =>
      (await client.embeddings.create({ model, input: TEXT, encoding_format: "float" })).data[0]!.embedding;
    expect(await embeddings(earlier!)).toEqual(await embeddings(short.fine_tuned_model!));
    expect((await client.models.retrieve(earlier!)).id).toBe(earlier);

    const removed = `${long.fine_tuned_model}:ckpt-step-10`;
    expect(await problemOf(await predict(removed))).toEqual([
      404,
      expect.stringMatching(/step 10 of ftjob-\w+ was removed by retention, .*kept is those of the steps 30, 20 /),
    ]);
    await expect(embeddings(removed)).rejects.toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    expect(await problemOf(await predict("ft:tiny:stagecoach::abcdefgh:ckpt-step-1"))).toEqual([
      404,
      expect.stringContaining("does not exist"),
    ]);
  });

  test("have the loss of their step, and the newest evaluation under OpenAI's names too", async () => {
    const evaluated = { max_steps: 4, checkpoint_steps: 1, validation_split: 0.25, eval_steps: 2 };
    const { id, result_files: results } = await reached(client, await create(evaluated), "succeeded");
    const [header, ...rows] = (await (await client.files.content(results[0]!)).text()).trimEnd().split("\n");
    const table = rows.map((row) =>
      Object.fromEntries(row.split(",").map((cell, at) => [header!.split(",")[at]!, cell])),
    );
    const checkpoints = await checkpointsOf(id);
    expect(checkpoints.slice(0, 2).map(({ step_number }) => step_number)).toEqual([4, 3]);
    for (const { step_number: step, metrics } of checkpoints) {
      const evaluation = table[(step < 4 ? 2 : 4) - 1]!;
      const [loss, accuracy] = [Number(evaluation["valid_loss"]), Number(evaluation["valid_accuracy"])];
      expect(accuracy).toBeGreaterThan(0);
      expect(metrics).toMatchObject({
        step,
        train_loss: Number(table[step - 1]!["train_loss"]),
        valid_loss: loss,
        full_valid_loss: loss,
        valid_accuracy: accuracy,
        valid_mean_token_accuracy: accuracy,
        full_valid_mean_token_accuracy: accuracy,
        checkpoint_bytes: expect.any(Number) as number,
      });
    }
  });

  test("are served although the model that the job began with was deleted", async () => {
    const first = await reached(client, await create({ max_steps: 2 }), "succeeded");
    const second = await reached(client, await create({ max_steps: 2 }, first.fine_tuned_model!), "succeeded");
    await client.models.delete(first.fine_tuned_model!);
    const [{ fine_tuned_model_checkpoint: name } = expect.fail("no checkpoint")] = await checkpointsOf(second.id);
    expect(await scoresOf(name)).toEqual(await scoresOf(second.fine_tuned_model!));
  });

  test("of a running job are served while it trains, and make room when the trainer removes them", async () => {
    const id = await create({ max_steps: 20_000, checkpoint_steps: 100 });
    await madeStep(join(folder, "data"), id, 101);
    const [newest] = await eventually(async () => {
      const found = await checkpointsOf(id);
      expect(found[0]?.step_number).toBeGreaterThanOrEqual(100);
      return found;
    });
    const models = async () => metric(await (await server.get("/metrics")).text(), "stagecoach_loaded_models");
    const before = await models();
    const { fine_tuned_model_checkpoint: name, step_number: step } = newest!;
    await scoresOf(name);
    expect(await models()).toBe(before + 1);
    await madeStep(join(folder, "data"), id, step + 301);
    await eventually(async () => expect((await predict(name)).status).toBe(404));
    const written = join(folder, "data", "jobs", id, "checkpoint-models", `step-${step}`);
    await eventually(() => expect(existsSync(written)).toBe(false));
    expect(await models()).toBe(before);
    await client.fineTuning.jobs.cancel(id);
  });
});
