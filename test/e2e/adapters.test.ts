/**
 * @file Adapters served beside their base: jobs that do not merge them, on a server of one stage and of two. Each answers as the merged
 * model of the same job does, the base gives the bytes that it gave before, and its weights are there once.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { eventually } from "../harness/eventually.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, openAi, reached, upload } from "../harness/trainingJobs.ts";

const BASE = "tiny-encoder";
const text = "the layers of the stag";
/** Merged or beside, the same products are summed in another order. */
const TOLERANCE = 1e-5;

type Scores = readonly { readonly label: string; readonly score: number }[];
type Trained = { readonly name: string; readonly folder: string };

let parent: string;
beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), "stagecoach-adapters-"));
  writeToyTexts(join(parent, "train.jsonl"), 64, 1);
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const byLabel = (scores: Scores) => scores.toSorted((a, b) => a.label.localeCompare(b.label));

function expectClose(scores: Scores, expected: Scores): void {
  expect(byLabel(scores).map(({ label }) => label)).toEqual(byLabel(expected).map(({ label }) => label));
  const other = byLabel(expected);
  for (const [at, { score }] of byLabel(scores).entries())
    expect(Math.abs(score - other[at]!.score)).toBeLessThan(TOLERANCE);
}

describe.each([
  ["one stage of two lanes", ["--stages", "1", "--threads", "2"]],
  ["two stages", ["--stages", "2"]],
] as const)("adapters beside their base, on %s", (_, flags) => {
  let server: TestServer;
  let client: OpenAI;
  let dataDir: string;
  let baseBytes: string;
  let first: Trained;
  let second: Trained;
  let merged: Trained;
  let answers: Map<string, Scores>;

  async function train(file: string, seed: number, more: object): Promise<Trained> {
    const hyperparameters = { n_epochs: 2, batch_size: 8, learning_rate: 1e-2, lora_rank: 2, lora_alpha: 8, ...more };
    const id = await createJob(client, { model: BASE, file }, { seed, stages: 1, hyperparameters });
    const { fine_tuned_model: name } = await reached(client, id, "succeeded");
    return { name: name!, folder: join(dataDir, "models", id) };
  }

  async function predict({ name }: Trained): Promise<Scores> {
    const response = await server.post("/predict", { inputs: text, model: name });
    const answer: unknown = await response.json();
    expect({ status: response.status, answer }).toMatchObject({ status: 200 });
    return answer as Scores;
  }

  async function vectorOf(model: string): Promise<string> {
    const response = await server.post("/v1/embeddings", { model, input: text, encoding_format: "base64" });
    const answer = (await response.json()) as { data: { embedding: string }[] };
    expect({ status: response.status, answer }).toMatchObject({ status: 200 });
    return answer.data[0]!.embedding;
  }

  beforeAll(async () => {
    dataDir = mkdtempSync(join(parent, "data-"));
    server = await startServer({ dataDir, flags });
    client = openAi(server);
    baseBytes = await vectorOf(BASE);
    const file = await upload(client, join(parent, "train.jsonl"));
    first = await train(file, 1, { lora_merge: false });
    second = await train(file, 2, { lora_merge: false });
    merged = await train(file, 1, {});
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("an adapter's attention is the merged model's, and not the base's, which answers as before", async () => {
    const attentionOf = async (model: string) => {
      const response = await server.post("/attention", { inputs: text, model });
      const answer = (await response.json()) as { layers: { probabilities: number[][][] }[] };
      expect({ status: response.status, answer }).toMatchObject({ status: 200 });
      return answer.layers.flatMap(({ probabilities }) => probabilities.flat(2));
    };
    const [own, other, ofBase] = [
      await attentionOf(first.name),
      await attentionOf(merged.name),
      await attentionOf(BASE),
    ];
    expect(largestError(own, other)).toBeLessThan(TOLERANCE);
    expect(largestError(own, ofBase)).toBeGreaterThan(100 * TOLERANCE);
    expect(await vectorOf(BASE)).toBe(baseBytes);
  });

  test("a model that is an adapter has none of the base's weights", () => {
    for (const { folder } of [first, second]) {
      expect(existsSync(join(folder, "model.safetensors"))).toBe(false);
      expect(existsSync(join(folder, "adapter_model.safetensors"))).toBe(true);
      expect(existsSync(join(folder, "adapter"))).toBe(false);
    }
    expect(existsSync(join(merged.folder, "model.safetensors"))).toBe(true);
  });

  test("each answers by its name, the first one as the merged model of the same job", async () => {
    answers = new Map();
    for (const each of [first, second]) answers.set(each.name, await predict(each));
    expectClose(answers.get(first.name)!, await predict(merged));
    expect(answers.get(second.name)).not.toEqual(answers.get(first.name));
    expect(await vectorOf(first.name)).not.toBe(await vectorOf(second.name));
  });

  test("the base gives the bytes that it gave alone", async () => {
    const [own] = await Promise.all([vectorOf(BASE), predict(first), predict(second)]);
    expect(own).toBe(baseBytes);
    expect(await vectorOf(BASE)).toBe(baseBytes);
  });

  const absent = existsSync("/proc/self/maps") ? null : "no /proc";
  test.skipIf(absent !== null)(`a worker maps the base's weights from one file (${absent ?? "Linux"})`, () => {
    for (const { pid } of server.workerPids()) {
      const maps = readFileSync(`/proc/${pid}/maps`, "utf8").split("\n");
      const ofPrograms = maps.filter((line) => line.includes("stagecoach-program-"));
      // Address, rights, offset, device, inode, path.
      expect(new Set(ofPrograms.map((line) => line.split(/\s+/)[4])).size).toBe(1);
    }
  });

  test("workers that were killed come back with all of them", async () => {
    for (const { pid } of server.workerPids()) process.kill(pid, "SIGKILL");
    await eventually(async () =>
      expect((await server.post("/v1/embeddings", { model: BASE, input: text })).status).toBe(200),
    );
    for (const each of [first, second]) expect(await predict(each)).toEqual(answers.get(each.name));
    expect(await vectorOf(BASE)).toBe(baseBytes);
  });

  test("one that is deleted is gone, and the others answer as before", async () => {
    await client.models.delete(second.name);
    expect((await server.post("/predict", { inputs: text, model: second.name })).status).toBe(404);
    expect(existsSync(second.folder)).toBe(false);
    expect(await predict(first)).toEqual(answers.get(first.name));
    expect(await vectorOf(BASE)).toBe(baseBytes);
  });

  test("after a restart they are served as before; one that was trained on another base says so, and no other fails", async () => {
    await server[Symbol.asyncDispose]();
    server = await startServer({ dataDir, flags });
    client = openAi(server);
    expect(await predict(first)).toEqual(answers.get(first.name));
    await server[Symbol.asyncDispose]();
    const path = join(first.folder, "adapter_base.json");
    const told = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...told, fingerprint: "0".repeat(64) }));
    server = await startServer({ dataDir, flags });
    const response = await server.post("/v1/embeddings", { model: first.name, input: text });
    const answer = await response.text();
    expect([response.status, answer]).toEqual([500, expect.stringContaining("has other weights now")]);
    // Folders of the machine are for its log.
    expect(answer).not.toContain(dataDir);
    expect(server.log()).toContain("expected the base model that the adapter was trained on");
    expect(await vectorOf(BASE)).toBe(baseBytes);
    await predict(merged);
  });
});
