/** @file Jobs that learn from another model, over HTTP: a classifier that a job has made, and the served model's vectors. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { openAi, reached, upload } from "../harness/trainingJobs.ts";
import { toys, writeToy } from "../harness/toyTasks.ts";

const MODEL = "org/tiny";

let folder: string;
let server: TestServer;
let client: OpenAI;
let labelled: string;
let texts: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-teachers-"));
  const dataDir = join(folder, "data");
  server = await startServer({ dataDir, flags: ["--served-model-name", MODEL, "--training-threads", "1"] });
  client = openAi(server);
  const [path, plain] = [join(folder, "train.jsonl"), join(folder, "texts.jsonl")];
  writeToy(path, "sequence-classification", 24);
  const rows = Array.from({ length: 24 }, (_, number) => JSON.stringify(toys["masked-lm"].row(number)));
  writeFileSync(plain, rows.join("\n"));
  [labelled, texts] = [await upload(client, path), await upload(client, plain)];
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

type Supervised = Readonly<Record<string, unknown>> & { readonly hyperparameters: object };

function create(file: string, supervised: Supervised, model = MODEL) {
  const method = { type: "supervised" as const, supervised: supervised as OpenAI.FineTuning.SupervisedMethod };
  return client.fineTuning.jobs.create({ model, training_file: file, method });
}

/** `training.json` of a job's folder. */
const settingsOf = (id: string) =>
  JSON.parse(readFileSync(join(server.dataDir, "jobs", id, "training.json"), "utf8")) as {
    readonly teacher: object;
    readonly hyperparameters: object;
  };

describe("jobs with a teacher", () => {
  test("a classifier learns from one that a job has made, which stays while it is needed", async () => {
    const steps = { max_steps: 2, batch_size: 8 };
    const first = await create(labelled, { hyperparameters: steps });
    const { fine_tuned_model: teacher } = await reached(client, first.id, "succeeded");
    const hyperparameters = { ...steps, max_steps: 100_000, distillation_alpha: 0.9 };
    const long = await create(labelled, { teacher: { model: teacher }, hyperparameters });
    const refused = await client.models.delete(teacher!).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      status: 409,
      message: expect.stringContaining(`used by the job ${long.id}`) as string,
    });
    await client.fineTuning.jobs.cancel(long.id);
    await reached(client, long.id, "cancelled");

    const short = await create(labelled, {
      teacher: { model: teacher },
      hyperparameters: { ...hyperparameters, max_steps: 2 },
    });
    const job = await reached(client, short.id, "succeeded");
    expect(job.method!.supervised).toMatchObject({
      teacher: { model: teacher },
      hyperparameters: { distillation_alpha: 0.9, distillation_temperature: 2 },
    });
    expect(JSON.stringify(job)).not.toContain(folder);
    const card = readFileSync(join(server.dataDir, "models", short.id, "README.md"), "utf8");
    expect(card).toContain(teacher!);
    expect(card).toMatch(/\| what is learned of it +\| logits +\|/);
    await client.models.delete(teacher!);
  });

  test("vectors of the served model are learned from texts alone, and hidden states with them", async () => {
    const teacher = { model: MODEL, match: "similarities", weight: 2 };
    const hidden = { distillation_hidden: "cosine", distillation_layers: ["4:4", "2:1"] };
    const hyperparameters = { max_steps: 2, batch_size: 8, ...hidden };
    const { id } = await create(texts, { task: "sentence-embedding", teacher, hyperparameters });
    await reached(client, id, "succeeded");
    expect(settingsOf(id).teacher).toMatchObject({ name: MODEL, match: "similarities", weight: 2 });
    expect(settingsOf(id).hyperparameters).toMatchObject({
      distillation_hidden: "cosine",
      distillation_hidden_weight: 1,
      distillation_layers: ["2:1", "4:4"],
    });
    const card = readFileSync(join(server.dataDir, "models", id, "README.md"), "utf8");
    expect(card).toMatch(/\| what is learned of it +\| similarities and hidden states +\|/);
  });

  test("layers that are no pair are refused with the request", async () => {
    const hyperparameters = { distillation_hidden: "mse", distillation_layers: ["2-4"] };
    const refused = await create(texts, { task: "masked-lm", teacher: { model: MODEL }, hyperparameters }).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({
      status: 400,
      message: expect.stringContaining("expected STUDENT:TEACHER, two numbers of layers") as string,
    });
  });

  test("a teacher that is not there, and one that teaches something else, are told of", async () => {
    const hyperparameters = { max_steps: 2, batch_size: 8 };
    const unknown = await create(labelled, { teacher: { model: "ft:none" }, hyperparameters }).catch(
      (error: unknown) => error,
    );
    expect(unknown).toMatchObject({ status: 404, param: "method.supervised.teacher.model" });
    const { id } = await create(labelled, { teacher: { model: MODEL }, hyperparameters });
    const { error } = await reached(client, id, "failed");
    expect(error).toMatchObject({ code: "training_option" });
    expect(error!.message).toMatch(/teacher: expected a classifier of one label per text, got a model without a head/);
  });
});
