/** @file `/v1/fine_tuning/jobs/validate` of a real server: what it says of jobs is what they say themselves when they are made. */
import type { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nothingChecked, type JobCheck } from "../../apps/server/src/jobs/jobRunner.ts";
import { eventually } from "../harness/eventually.ts";
import { freeze } from "../harness/freeze.ts";
import { startJobApp } from "../harness/startJobApp.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { eventsOf, gone, jobProcesses, openAi, reached, uploadContent } from "../harness/trainingJobs.ts";

const MODEL = "org/tiny";
const PATH = "/v1/fine_tuning/jobs/validate";

let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  server = await startServer({ flags: ["--served-model-name", MODEL] });
  client = openAi(server);
});
afterAll(() => server[Symbol.asyncDispose]());

type Validation = Omit<JobCheck, "validationExamples" | "testExamples"> & { readonly valid: boolean };

const upload = (content: string, name?: string) => uploadContent(client, content, name);
const row = (label: unknown, text = "the layers") => `${JSON.stringify({ text, label })}\n`;
const good = (row("a") + row("b")).repeat(8);

async function validate(request: object): Promise<Validation> {
  const response = await server.post(PATH, request);
  expect(response.status).toBe(200);
  return (await response.json()) as Validation;
}

const request = (training_file: string, supervised: object = {}, others: object = {}) => ({
  model: MODEL,
  training_file,
  method: { type: "supervised" as const, supervised },
  ...others,
});

describe("POST /v1/fine_tuning/jobs/validate", () => {
  test("of a job that would train tells what it would train on, and makes none", async () => {
    const rows = [row("a").repeat(6), row("b").repeat(12), row("c", "the layers ".repeat(20)).repeat(3), row("")];
    const id = await upload(rows.join(""));
    const hyperparameters = { batch_size: 5, n_epochs: 2, bad_rows: "skip", max_length: 16, validation_split: 0.25 };
    const found = await validate(request(id, { hyperparameters }));
    // Of 21 rows a quarter is set aside, class by class: 2 of 6, 3 of 12, 1 of 3 at most.
    const { examples, validation_examples: validated } = found as Validation & { readonly validation_examples: number };
    expect(examples! + validated).toBe(21);
    expect(found).toMatchObject({
      object: "fine_tuning.job.validation",
      valid: true,
      problems: [],
      task: "sequence-classification",
      columns: { text: "text", label: "label" },
      skipped: 1,
      truncated: 3,
      steps: 2 * Math.ceil(examples! / 5),
      test_examples: 0,
    });
    expect(found.labels!.map(({ name }) => name)).toEqual(["b", "a", "c"]);
    expect(found.labels!.reduce((sum, { count }) => sum + count, 0)).toBe(examples);
    expect(found.warnings).toEqual([
      "train.jsonl: 3 of 21 rows were cut to the maximum length",
      expect.stringMatching(
        /^train\.jsonl: 1 rows were left out, the first: train\.jsonl, line 22, column "label"/,
      ) as string,
    ]);
    expect((await client.fineTuning.jobs.list()).data).toEqual([]);
    const job = await client.fineTuning.jobs.create(request(id, { hyperparameters }));
    await reached(client, job.id, "succeeded");
    const messages = (await eventsOf(client, job.id)).map(({ message }) => message);
    expect(messages).toContain(`Training ${found.steps} steps over 1 stage`);
    for (const warning of found.warnings) expect(messages).toContain(warning);
  });

  type Case = readonly [
    what: string,
    content: string,
    supervised: object,
    problem: { readonly file?: string; readonly line?: number; readonly column?: string | number },
  ];
  const cases: readonly Case[] = [
    ["a label that is none", good + row(null), {}, { file: "train.jsonl", line: 17, column: "label" }],
    ["an option of another task", good, { hyperparameters: { doc_stride: 8 } }, {}],
    [
      "a metric that the task does not have",
      good,
      { hyperparameters: { validation_split: 0.5, metric_for_best_model: "bleu" } },
      {},
    ],
    ["more stages than layers", good, { stages: 9 }, {}],
  ];
  test.each(cases)("of a job with %s says what the job says", async (...[, content, supervised, problem]) => {
    const asked = request(await upload(content), supervised);
    const found = await validate(asked);
    expect(found.valid).toBe(false);
    expect(found.problems[0]).toMatchObject({ file: null, line: null, column: null, ...problem });
    const job = await client.fineTuning.jobs.create(asked);
    const { error } = await reached(client, job.id, "failed");
    const [{ message, param }] = found.problems as [Validation["problems"][number]];
    expect({ message, param }).toEqual({ message: error!.message, param: error!.param });
  });

  test("names every row that a job would stop at, of the first file that has one", async () => {
    const content = good + row("a", "") + good + row(null) + '{"text":"b"\n';
    const { problems } = await validate(request(await upload(content)));
    // The job's own first: a line that is no JSON is found before rows are read as examples.
    expect(problems.map(({ line, column }) => [line, column])).toEqual([
      [35, 12],
      [17, "text"],
      [34, "label"],
    ]);
    const validation_file = await upload(row("c"), "dev.jsonl");
    expect((await validate(request(await upload(good), {}, { validation_file }))).problems).toEqual([
      {
        message: expect.stringMatching(/^dev\.jsonl, line 1, column "label": expected a known label/) as string,
        param: "validation_file",
        file: "dev.jsonl",
        line: 1,
        column: "label",
      },
    ]);
  });

  test("of settings that no job can have says all that is wrong with them; of no request at all it says 400", async () => {
    const id = await upload(good);
    const wrong = { hyperparameters: { learning_rate: 5, batch_size: 0 }, task: "sentiment" };
    const { valid, problems, task } = await validate(request(id, wrong));
    expect([valid, task]).toEqual([false, null]);
    expect(problems.map(({ param }) => String(param)).toSorted()).toEqual([
      "method.supervised.hyperparameters.batch_size",
      "method.supervised.hyperparameters.learning_rate",
      "method.supervised.task",
    ]);
    expect(problems.map(({ message }) => message).join("\n")).toContain("expected a learning rate of at most 1");
    expect((await validate({ model: "other", training_file: id })).problems).toMatchObject([
      { param: "model", message: expect.stringMatching(/^The model `other` does not exist/) as string },
    ]);
    expect((await validate({ model: MODEL, training_file: "file-x" })).problems).toMatchObject([
      { param: "training_file", message: '`training_file`: expected the id of an uploaded file, got "file-x"' },
    ]);
    for (const body of ["{", "[]", {}, { model: MODEL }, { model: 5, training_file: id }])
      expect((await server.post(PATH, body)).status).toBe(400);
  });

  test("ends when its client leaves, while requests are answered", async () => {
    const id = await upload(good.repeat(2000));
    const leaving = new AbortController();
    const asked = fetch(`${server.url}${PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request(id)),
      signal: leaving.signal,
    });
    const { trainer } = await eventually(() => {
      const found = jobProcesses(server);
      expect(found.trainer).not.toBe(-1);
      return found;
    });
    // By itself it ends no more.
    using _ = freeze([trainer]);
    expect((await server.post("/embed", { inputs: "a" })).status).toBe(200);
    leaving.abort();
    await expect(asked).rejects.toThrow(/abort/);
    await gone([trainer]);
    expect(server.log()).not.toMatch(/"level":50/);
  });
});

describe("validations at the same time", () => {
  test("are two at most; a third is told to come again", async () => {
    await using app = await startJobApp();
    await app.lazy.get();
    const ends: (() => void)[] = [];
    app.test.runner.onCheck = () =>
      new Promise((resolve) => ends.push(() => resolve({ ...nothingChecked, problems: [] })));
    const body = { model: "org/tiny", training_file: await app.test.upload() };
    const asked = [app.post(PATH, body), app.post(PATH, body)];
    await eventually(() => expect(ends).toHaveLength(2));
    const refused = await app.post(PATH, body);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(await refused.json()).toMatchObject({ error: { type: "rate_limit_error", code: "rate_limit_exceeded" } });
    for (const end of ends) end();
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200]);
    const next = app.post(PATH, body);
    await eventually(() => expect(ends).toHaveLength(3));
    ends[2]!();
    expect(await (await next).json()).toMatchObject({ valid: true, examples: null });
  });
});
