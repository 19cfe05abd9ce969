/** @file Metrics of a real job: each that docs/METRICS.md lists has a value while the job runs, and none once it has ended. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseExposition, type Family } from "../harness/exposition.ts";
import { repository } from "../harness/paths.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, openAi, upload } from "../harness/trainingJobs.ts";
import { eventually } from "../harness/eventually.ts";

const MODEL = "org/tiny";
const WAIT = { timeout: 60_000, interval: 50 };
/** More steps than the test waits for, with an evaluation and a checkpoint soon. */
const hyperparameters = {
  max_steps: 20_000,
  batch_size: 8,
  validation_split: 0.25,
  eval_steps: 5,
  checkpoint_steps: 5,
};

let folder: string;
let server: TestServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-job-metrics-"));
  writeToyTexts(join(folder, "train.jsonl"), 64, 1);
  const flags = ["--stages", "2", "--served-model-name", MODEL];
  server = await startServer({ dataDir: join(folder, "data"), flags });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const scrape = async (): Promise<Map<string, Family>> => parseExposition(await (await server.get("/metrics")).text());

/** Metrics of jobs that the document lists, and the labels of each. */
const listed = [
  ...readFileSync(join(repository, "docs/METRICS.md"), "utf8").matchAll(
    /^\| `(stagecoach_job_\w+)`\s*\| \w+\s*\| ([\w, ]*?)\s*\|/gm,
  ),
].map(([, name, labels]) => ({ name: name!, labels: labels === "" ? [] : labels!.split(", ") }));

describe("metrics of a job that runs", () => {
  test("have a value each, with the labels that the document lists, and go with the job", async () => {
    expect(listed.length).toBeGreaterThan(12);
    const client = openAi(server);
    const file = await upload(client, join(folder, "train.jsonl"));
    const id = await createJob(client, { model: MODEL, file }, { hyperparameters });
    const found = await eventually(async () => {
      const families = await scrape();
      const samples = listed.map(({ name }) => ({ name, labels: families.get(name)?.samples[0]?.labels }));
      expect(samples.filter(({ labels }) => labels === undefined)).toEqual([]);
      return { families, samples };
    }, WAIT);
    expect(found.samples.map(({ name, labels }) => ({ name, labels: Object.keys(labels!) }))).toEqual(listed);
    const owners = new Set(found.samples.flatMap(({ labels }) => labels!["job"] ?? []));
    expect([...owners]).toEqual([id]);
    await client.fineTuning.jobs.cancel(id);
    await eventually(async () => {
      const left = [...(await scrape()).values()].flatMap(({ samples }) => samples);
      expect(left.filter(({ labels }) => labels["job"] === id)).toEqual([]);
    }, WAIT);
  });
});
