/** @file `--model-memory`: which fine-tuned models are loaded, which one makes room for another, and what is told when one can never fit. */
import { mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { metric } from "../harness/load.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, openAi, reached, upload } from "../harness/trainingJobs.ts";

type FineTuned = { readonly name: string; readonly folder: string; readonly bytes: number };
type Scores = readonly { readonly label: string; readonly score: number }[];

let parent: string;
let dataDir: string;
let models: FineTuned[];
beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), "stagecoach-memory-"));
  dataDir = join(parent, "data");
  writeToyTexts(join(parent, "train.jsonl"), 64, 1);
  await using server = await startServer({ dataDir });
  const client = openAi(server);
  const file = await upload(client, join(parent, "train.jsonl"));
  models = [];
  for (const seed of [1, 2, 3]) {
    const hyperparameters = { n_epochs: 1, batch_size: 8, learning_rate: 2e-3 };
    const id = await createJob(client, { model: "tiny-encoder", file }, { seed, stages: 1, hyperparameters });
    const { fine_tuned_model: name } = await reached(client, id, "succeeded");
    const folder = join(dataDir, "models", id);
    models.push({ name: name!, folder, bytes: statSync(join(folder, "model.safetensors")).size });
  }
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** A server with room for so many of the models. */
const serverFor = (numModels: number) => {
  const bytes = Math.floor((numModels + 0.5) * models[0]!.bytes);
  return startServer({ dataDir, flags: ["--stages", "2", "--model-memory", String(bytes)] });
};
async function predict(server: TestServer, { name }: FineTuned): Promise<Scores> {
  const response = await server.post("/predict", { inputs: "the layers of the stag", model: name });
  const answer: unknown = await response.json();
  expect({ status: response.status, answer }).toMatchObject({ status: 200 });
  return answer as Scores;
}
/** Nothing can be loaded meanwhile. */
async function withoutFolders<T>(act: () => Promise<T>): Promise<T> {
  for (const { folder } of models) renameSync(folder, `${folder}.away`);
  try {
    return await act();
  } finally {
    for (const { folder } of models) renameSync(`${folder}.away`, folder);
  }
}
async function loaded(server: TestServer): Promise<readonly [models: number, bytes: number]> {
  const text = await (await server.get("/metrics")).text();
  return [metric(text, "stagecoach_loaded_models"), metric(text, "stagecoach_loaded_models_bytes")];
}

test("a model makes room for another, is loaded again when it is asked for, and answers as before", async () => {
  const [first, second] = models as [FineTuned, FineTuned];
  await using server = await serverFor(1);
  expect(await loaded(server)).toEqual([0, 0]);
  const answers = [await predict(server, first), await predict(server, second)];
  expect(answers[0]).not.toEqual(answers[1]);
  expect(await loaded(server)).toEqual([1, second.bytes]);
  // It would answer from memory if it were still there: its folder is not.
  const gone = await withoutFolders(() => server.post("/predict", { inputs: "the layers", model: first.name }));
  expect(gone.status).toBe(500);
  expect(await predict(server, first)).toEqual(answers[0]);
  expect(await predict(server, second)).toEqual(answers[1]);
  expect(await loaded(server)).toEqual([1, second.bytes]);
});

test("the one that was used longest ago goes first", async () => {
  const [first, second, third] = models as [FineTuned, FineTuned, FineTuned];
  await using server = await serverFor(2);
  const answer = await predict(server, first);
  await predict(server, second);
  await predict(server, first);
  await predict(server, third);
  expect(await loaded(server)).toEqual([2, first.bytes + third.bytes]);
  const [kept, evicted] = await withoutFolders(async () => [
    await predict(server, first),
    await server.post("/predict", { inputs: "a", model: second.name }),
  ]);
  expect(kept).toEqual(answer);
  expect(evicted.status).toBe(500);
});

test("requests for two models that take turns are all answered", async () => {
  const [first, second] = models as [FineTuned, FineTuned];
  await using server = await serverFor(1);
  const answers = [await predict(server, first), await predict(server, second)];
  const order = Array.from({ length: 24 }, (_, index) => index % 2);
  const given = await Promise.all(order.map((which) => predict(server, [first, second][which]!)));
  for (const [index, which] of order.entries()) expect(given[index]).toEqual(answers[which]);
});

test("one that can never fit is 503 with its name and the flag, and the server's own model answers", async () => {
  const [{ name, bytes }] = models as [FineTuned];
  await using server = await startServer({ dataDir, flags: ["--model-memory", String(bytes - 1)] });
  const response = await server.post("/predict", { inputs: "the layers", model: name });
  expect(await response.json()).toEqual({
    error: `The model \`${name}\` takes ${bytes} bytes; the budget for models is ${bytes - 1} bytes (--model-memory)`,
    error_type: "Unhealthy",
  });
  expect(response.status).toBe(503);
  const openAiAnswer = await server.post("/v1/embeddings", { input: "the layers", model: name });
  expect(openAiAnswer.status).toBe(503);
  expect(await openAiAnswer.json()).toMatchObject({ error: { code: "model_too_large", type: "server_error" } });
  expect((await server.post("/v1/embeddings", { input: "the layers" })).status).toBe(200);
  expect(await loaded(server)).toEqual([0, 0]);
});
