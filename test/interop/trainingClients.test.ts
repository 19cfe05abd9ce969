/** @file Fine-tuning with OpenAI's Python client; transformers loads the model that comes of it, and gives what we serve. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runPython } from "../harness/python.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";

const MODEL = "org/tiny";

type Given = {
  readonly job: string;
  readonly status: string;
  readonly error: string | null;
  readonly model: string;
  readonly trained_tokens: number;
  readonly messages: readonly string[];
  readonly checkpoints: readonly number[];
  readonly jobs: readonly string[];
  readonly models: readonly string[];
  readonly result: readonly string[];
};

let folder: string;
let server: TestServer;
let given: Given;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-clients-"));
  const path = join(folder, "train.jsonl");
  writeToyTexts(path, 64, 1);
  server = await startServer({ dataDir: join(folder, "data"), flags: ["--served-model-name", MODEL] });
  const hyperparameters = { max_steps: 16, batch_size: 8, learning_rate: 2e-3, checkpoint_steps: 4 };
  given = await runPython<Given>("fine_tuning.py", {
    url: server.url,
    model: MODEL,
    path,
    hyperparameters,
    seconds: 60,
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("fine-tuning with openai for Python", () => {
  test("the job succeeds, and its model, events, checkpoints and result file are there", () => {
    expect({ status: given.status, error: given.error }).toEqual({ status: "succeeded", error: null });
    expect(given.model).toMatch(/^ft:tiny:stagecoach:python:\w{8}$/);
    expect(given.models).toEqual([given.model, MODEL]);
    expect(given.jobs).toEqual([given.job]);
    expect(given.trained_tokens).toBeGreaterThan(0);
    expect(given.checkpoints).toEqual([16, 12]);
    expect(given.result[0]!.trimEnd().split("\n")).toHaveLength(17);
    expect(given.messages.filter((message) => message.startsWith("Step "))).toHaveLength(16);
    expect(given.messages.at(-1)).toBe("The job has successfully completed");
  });

  test("transformers gives the logits that we serve, to 1e-5", async () => {
    type Python = { readonly outputs: readonly { readonly logits: readonly number[] }[]; readonly labels: string[] };
    const texts = ["the layers of a stag", "workers", "a cons in the workers in the layers"];
    const model = { folder: join(folder, "data", "models", given.job), inputs: texts, texts };
    const [theirs] = (await runPython<{ models: [Python] }>("trained_model.py", { models: [model] })).models;
    const inputs = texts.map((text) => [text]);
    const response = await server.post("/predict", { inputs, model: given.model, raw_scores: true });
    const ours = (await response.json()) as { label: string; score: number }[][];
    expect(theirs.labels).toEqual(["no", "yes"]);
    expect(ours.map(({ length }) => length)).toEqual([2, 2, 2]);
    ours.forEach((scores, text) => {
      for (const { label, score } of scores)
        expect(Math.abs(score - theirs.outputs[text]!.logits[theirs.labels.indexOf(label)]!)).toBeLessThan(1e-5);
    });
  });
});
