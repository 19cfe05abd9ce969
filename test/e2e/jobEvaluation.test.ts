/** @file `/v1/fine_tuning/jobs/{fine_tuning_job_id}/evaluation`: what the served model says of the same texts, counted here; and what is kept of them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startJobApp } from "../harness/startJobApp.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { openAi, reached, uploadContent } from "../harness/trainingJobs.ts";

const MODEL = "org/tiny";

let folder: string;
let dataDir: string;
let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-evaluation-"));
  dataDir = join(folder, "data");
  server = await startServer({ dataDir, flags: ["--served-model-name", MODEL] });
  client = openAi(server);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

type Evaluation = {
  readonly object: string;
  readonly task: string;
  readonly split: string;
  readonly labels: readonly string[];
  readonly confusion: readonly (readonly number[])[] | null;
  readonly mistakes: readonly {
    readonly text: string | null;
    readonly text_pair: string | null;
    readonly line: number | null;
    readonly expected: unknown;
    readonly predicted: unknown;
    readonly score: number;
  }[];
  readonly num_mistakes: number;
  readonly metrics: Readonly<Record<string, number | null>>;
};

const upload = (content: string, name: string) => uploadContent(client, content, name);
const pathOf = (job: string, query = "") => `/v1/fine_tuning/jobs/${job}/evaluation${query}`;

async function evaluationOf(job: string, query = ""): Promise<Evaluation> {
  const response = await server.get(pathOf(job, query));
  expect(response.status).toBe(200);
  return (await response.json()) as Evaluation;
}
async function messageOf(response: Response): Promise<string> {
  expect(response.status).toBe(404);
  return ((await response.json()) as { error: { message: string } }).error.message;
}

const fillers = ["stag", "cons", "of", "the", "a", "in"];
const text = (number: number, subject: string) =>
  `${fillers[number % 6]} the ${subject} in ${fillers[(5 * number + 1) % 6]}`;

describe("the evaluation of a job", () => {
  test("of classes is that of what the served model says; texts are read from the job's file, and kept nowhere else", async () => {
    const rows = Array.from({ length: 64 }, (_, number) => {
      const label = number % 2 === 0 ? "thick" : "busy";
      return `${JSON.stringify({ text: text(number, label === "thick" ? "layers" : "workers"), label })}\n`;
    });
    // Labels that are wrong, among others that are right; a row that is left out; line ends within quotes.
    const marker = "zzmarkerzz";
    const given = Array.from({ length: 12 }, (_, number) => ({
      text: `${text(number, number % 2 === 0 ? "layers" : "workers")} ${marker}${number === 3 ? "\nof" : ""}`,
      label: number % 5 === 3 ? "thick" : number % 4 === 0 ? "busy" : number % 2 === 0 ? "thick" : "busy",
    }));
    const csv = given.map(({ text: each, label }) => `"${each}",${label}\n`).toSpliced(5, 0, '"",busy\n');
    const validation = await upload(`text,label\n${csv.join("")}`, "dev.csv");
    const supervised = {
      hyperparameters: { n_epochs: 3, batch_size: 8, learning_rate: 0.003, bad_rows: "skip", test_split: 0.25 },
    };
    const { id } = await client.fineTuning.jobs.create({
      model: MODEL,
      training_file: await upload(rows.join(""), "train.jsonl"),
      validation_file: validation,
      method: { type: "supervised", supervised },
    });
    const model = (await reached(client, id, "succeeded")).fine_tuned_model!;
    const found = await evaluationOf(id);
    expect(found).toMatchObject({
      object: "fine_tuning.job.evaluation",
      task: "sequence-classification",
      split: "validation",
      labels: ["busy", "thick"],
    });

    const said = await server.post("/predict", { inputs: given.map((each) => [each.text]), model });
    const predicted = ((await said.json()) as { label: string; score: number }[][]).map(([best]) => best!);
    const count = (label: string, by: string) =>
      given.filter((each, index) => each.label === label && predicted[index]!.label === by).length;
    expect(found.confusion).toEqual(found.labels.map((label) => found.labels.map((by) => count(label, by))));
    const right = given.filter(({ label }, index) => label === predicted[index]!.label).length;
    expect(found.metrics["accuracy"]).toBeCloseTo(right / given.length, 12);
    // The row without a text is on line 8, since the one of line 5 ends on line 6.
    const lineOf = (index: number) => index + 2 + (index > 3 ? 1 : 0) + (index > 4 ? 1 : 0);
    const expected = given.flatMap((each, index) =>
      each.label === predicted[index]!.label
        ? []
        : [{ ...each, line: lineOf(index), by: predicted[index]!.label, score: predicted[index]!.score }],
    );
    expect(expected.length).toBeGreaterThan(2);
    expect(found.num_mistakes).toBe(expected.length);
    const byLine = (a: { line: number | null }, b: { line: number | null }) => a.line! - b.line!;
    expect(found.mistakes.toSorted(byLine)).toEqual(
      expected.map(({ text: each, line, label, by, score }) => ({
        text: each,
        text_pair: null,
        line,
        expected: label,
        predicted: by,
        score: expect.closeTo(score, 5) as number,
      })),
    );
    const scores = found.mistakes.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));

    const tested = await evaluationOf(id, "?split=test");
    expect(tested.split).toBe("test");
    expect(tested.confusion!.flat().reduce((sum, each) => sum + each, 0)).toBe(16);

    const holds = readdirSync(dataDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((path) => readFileSync(path).includes(marker))
      .map((path) => relative(dataDir, path));
    expect(holds).toEqual([expect.stringMatching(/^files\//)]);
    await client.files.delete(validation);
    const without = await evaluationOf(id);
    expect(without.confusion).toEqual(found.confusion);
    expect(without.mistakes).toEqual(found.mistakes.map((each) => ({ ...each, text: null, line: null })));
    await client.models.delete(model);
    expect(await messageOf(await server.get(pathOf(id)))).toBe(
      `The model of the job ${id} was deleted, and its evaluation with it`,
    );
  });

  test("of a share of the training file, of choices: the texts of choices are told", async () => {
    const rows = Array.from({ length: 24 }, (_, number) => ({
      prompt: `${text(number, "layers")} ${number}`,
      choices: ["layers", "workers", "stag"],
      label: (number * 7) % 3,
      // Of a file that is larger than this, the texts are read by another process.
      notes: "x".repeat(60_000),
    }));
    const hyperparameters = { max_steps: 1, validation_split: 0.5 };
    const supervised = { hyperparameters } as OpenAI.FineTuning.SupervisedMethod;
    const { id } = await client.fineTuning.jobs.create({
      model: MODEL,
      training_file: await upload(rows.map((row) => `${JSON.stringify(row)}\n`).join(""), "choices.jsonl"),
      method: { type: "supervised", supervised },
    });
    await reached(client, id, "succeeded");
    const { mistakes, confusion, metrics, num_mistakes: numMistakes } = await evaluationOf(id);
    expect(confusion).toBeNull();
    expect(numMistakes).toBe(Math.round(12 * (1 - metrics["accuracy"]!)));
    expect(mistakes.length).toBeGreaterThan(0);
    for (const { text: prompt, line, expected, predicted } of mistakes) {
      const row = rows[line! - 1]!;
      expect(prompt).toBe(row.prompt);
      expect(expected).toBe(row.choices[row.label]);
      expect(row.choices.filter((_, choice) => choice !== row.label)).toContain(predicted);
    }
    expect(await messageOf(await server.get(pathOf(id, "?split=test")))).toMatch(
      /had no test data \(give test_split\)/,
    );
  });
});

describe("a job without an evaluation", () => {
  test("says why there is none", async () => {
    await using app = await startJobApp();
    await app.lazy.get();
    const create = async (supervised: object = {}) =>
      (await app.test.create({ method: { type: "supervised", supervised } })).id;
    const ofJob = async (id: string) => messageOf(await app.get(pathOf(id)));
    const [masked, plain] = [await create({ task: "masked-lm" }), await create()];
    const trainer = await app.test.runner.started(1);
    expect(await ofJob(masked)).toMatch(/is running: expected one that has succeeded/);
    trainer.succeed();
    (await app.test.runner.started(2)).succeed();
    await app.test.reaching(plain, "succeeded");
    expect(await ofJob(masked)).toMatch(
      /is of the task masked-lm, which has no mistakes about single examples to tell$/,
    );
    expect(await ofJob(plain)).toMatch(/had no data to evaluate on \(give a validation file, or validation_split\)/);
    expect(await ofJob("ftjob-x")).toBe("Could not find fine tune: ftjob-x");
  });
});
