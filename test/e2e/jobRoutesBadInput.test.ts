/** @file Training files that are wrong, through a real server and its trainers: what the job says of each, and that the next one runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { eventsOf, openAi, reached, stepsOf, uploadContent } from "../harness/trainingJobs.ts";

const MODEL = "org/tiny";

let folder: string;
let dataDir: string;
let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-bad-"));
  dataDir = join(folder, "data");
  server = await startServer({ dataDir, flags: ["--served-model-name", MODEL] });
  client = openAi(server);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

type Given = {
  readonly name?: string;
  readonly content: string | Uint8Array<ArrayBuffer>;
  readonly validation?: string;
  readonly model?: string;
  readonly supervised?: object;
  readonly hyperparameters?: object;
};

type Case = readonly [what: string, given: Given, error: readonly [facts: object, message: RegExp]];

const row = (label: unknown, text = "the layers") => `${JSON.stringify({ text, label })}\n`;
const rows = (...labels: readonly unknown[]) => labels.map((label) => row(label)).join("");
const good = rows("a", "b").repeat(4);
const short = { max_steps: 1, batch_size: 2, micro_batches: 1 };

const upload = (content: string | Uint8Array<ArrayBuffer>, name: string) => uploadContent(client, content, name);

async function create({ name = "train.jsonl", content, validation, model = MODEL, ...rest }: Given): Promise<string> {
  const supervised = { ...rest.supervised, hyperparameters: { ...short, ...rest.hyperparameters } };
  const request = {
    model,
    training_file: await upload(content, name),
    ...(validation === undefined ? {} : { validation_file: await upload(validation, "dev.jsonl") }),
    method: { type: "supervised", supervised: supervised as OpenAI.FineTuning.SupervisedMethod },
  } as const;
  return (await client.fineTuning.jobs.create(request)).id;
}

const inFile = { code: "invalid_training_file", param: "training_file" };
const inValidationFile = { code: "invalid_validation_file", param: "validation_file" };
const question = { context: "the layers of the workers", question: "the layers" };

describe("a job", () => {
  const cases: readonly Case[] = [
    [
      "an empty file that is packed",
      { name: "train.jsonl.gz", content: Uint8Array.from(gzipSync("")) },
      [inFile, /^train\.jsonl\.gz: expected examples, got an empty file/],
    ],
    ["one class", { content: rows("a", "a") }, [inFile, /expected at least two classes, got only "a"/]],
    [
      "one example",
      { content: rows("a"), supervised: { head: { labels: ["a", "b"] } } },
      [inFile, /^train\.jsonl: expected at least two examples, got one/],
    ],
    [
      "a label that training never sees",
      { content: good, validation: rows("a", "c") },
      [inValidationFile, /^dev\.jsonl, line 2, column "label": expected a known label \(a, b\), got "c"/],
    ],
    [
      "fractions where classes are asked for",
      { content: rows(1, 2, 2.5), supervised: { head: { problem_type: "single_label_classification" } } },
      [inFile, /^train\.jsonl, line 3, column "label": expected classes .*got a number with a fraction/],
    ],
    [
      "10,001 classes",
      { content: rows(...Array.from({ length: 10_001 }, (_, label) => `class ${label}`)) },
      [inFile, /^train\.jsonl, line 10001, column "label": expected at most 10000 classes, got more/],
    ],
    [
      "a span outside of its context",
      { content: `${JSON.stringify({ ...question, answers: { text: ["the"], answer_start: [70] } })}\n`.repeat(2) },
      [
        inFile,
        /^train\.jsonl, line 1, column "answers": expected "the" from character 70 .* got a context of 25 characters/,
      ],
    ],
    [
      "unbalanced quotes in CSV",
      { name: "train.csv", content: 'text,label\na,x\n"b,y\nc,z\n' },
      [inFile, /^train\.csv, line 3: expected balanced quotes, got a quote that is never closed/],
    ],
    [
      "UTF-16",
      { content: Uint8Array.from(Buffer.from(`\ufeff${good}`, "utf16le")) },
      [inFile, /^train\.jsonl: expected UTF-8, got UTF-16/],
    ],
    [
      "a batch larger than the data",
      { content: good, hyperparameters: { batch_size: 9 } },
      [inFile, /expected at least as many examples as a batch has \(9\), got 8/],
    ],
  ];
  test.each(cases)(
    "with %s fails with the place and the reason, before it trains",
    async (_, given, [facts, message]) => {
      const id = await create(given);
      const job = await reached(client, id, "failed");
      expect(job.error).toMatchObject(facts);
      expect(job.error!.message).toMatch(message);
      expect(stepsOf(dataDir, id)).toEqual([]);
      expect((await client.fineTuning.jobs.checkpoints.list(id)).data).toEqual([]);
      const [last] = (await client.fineTuning.jobs.listEvents(id, { limit: 1 })).data;
      expect(last).toMatchObject({ level: "error", message: `The job failed: ${job.error!.message}` });
    },
  );

  test("that fails lets the one behind it run", async () => {
    const [bad, next] = [await create({ content: rows("a", "a") }), await create({ content: good })];
    expect((await reached(client, next, "succeeded")).fine_tuned_model).not.toBeNull();
    expect((await client.fineTuning.jobs.retrieve(bad)).status).toBe("failed");
  });

  test("on a model whose head has another size fails and says what to do, and that helps", async () => {
    const { fine_tuned_model } = await reached(client, await create({ content: good }), "succeeded");
    const given = { content: rows("a", "b", "c"), model: fine_tuned_model! };
    const job = await reached(client, await create(given), "failed");
    expect(job.error!.message).toMatch(
      /head has another size than the task sequence-classification with 3 labels.*ask for a new head with replace_head\)$/,
    );
    const replaced = await reached(client, await create({ ...given, supervised: { replace_head: true } }), "succeeded");
    expect(replaced.method!.supervised).toMatchObject({ replace_head: true });
    const answer = await server.post("/predict", { inputs: [["a"]], model: replaced.fine_tuned_model });
    const [scores] = (await answer.json()) as { label: string }[][];
    expect(scores!.map(({ label }) => label).toSorted()).toEqual(["a", "b", "c"]);
  });

  test("with texts beyond the maximum length cuts them, and tells how many", async () => {
    const long = row("a", "the layers ".repeat(100));
    const id = await create({ content: good + long.repeat(3) });
    await reached(client, id, "succeeded");
    const warnings = (await eventsOf(client, id)).filter(({ level }) => level === "warn");
    expect(warnings.map(({ message }) => message)).toEqual([
      "train.jsonl: 3 of 11 rows were cut to the maximum length",
    ]);
  });

  test("with bad rows that it may leave out runs, and tells how many", async () => {
    const id = await create({ content: `${good}{"text":5,"label":"a"}\n`, hyperparameters: { bad_rows: "skip" } });
    await reached(client, id, "succeeded");
    expect((await eventsOf(client, id)).map(({ message }) => message)).toContain(
      'train.jsonl: 1 rows were left out, the first: train.jsonl, line 9, column "text": expected text, got 5',
    );
  });

  test("whose loss is no number stops, names the step, and its last good checkpoint is served", async () => {
    // The square of 3e38 is beyond float32.
    const content = rows(0.5, 1.5).repeat(8) + rows(3e38);
    const id = await create({ content, hyperparameters: { max_steps: 9, checkpoint_steps: 1 } });
    const { error } = await reached(client, id, "failed");
    const found =
      /^step (\d+): expected a finite loss, got Infinity; the last good checkpoint is that of step (\d+) /.exec(
        error!.message,
      );
    expect([error!.code, found !== null]).toEqual(["training_diverged", true]);
    const [step, saved] = [Number(found![1]), Number(found![2])];
    expect(saved).toBe(step - 1);
    expect(stepsOf(dataDir, id).map((each) => each.step)).toEqual(
      Array.from({ length: step - 1 }, (_, index) => index + 1),
    );
    const [checkpoint] = (await client.fineTuning.jobs.checkpoints.list(id)).data;
    expect(checkpoint!.step_number).toBe(saved);
    const answer = await server.post("/predict", { inputs: "a", model: checkpoint!.fine_tuned_model_checkpoint });
    expect(answer.status).toBe(200);
    const [{ score }] = (await answer.json()) as [{ score: number }];
    expect(Number.isFinite(score)).toBe(true);
  });
});
