/** @file Searches over hyper-parameters with real processes: over HTTP with OpenAI's client, and on the command line. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadRequestError, type OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSearch, trialsOf, withoutTimes } from "../harness/searchJobs.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { cleanEnv, stagecoach, stagecoachMain, startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, eventsOf, openAi, reached, upload } from "../harness/trainingJobs.ts";
import { eventually } from "../harness/eventually.ts";

const MODEL = "org/tiny";
let folder: string;
let train: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-search-"));
  train = join(folder, "train.jsonl");
  writeToyTexts(train, 128, 1);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a job that searches", () => {
  let server: TestServer;
  let client: OpenAI;
  let file: string;
  beforeAll(async () => {
    server = await startServer({ dataDir: join(folder, "data"), flags: ["--served-model-name", MODEL] });
    client = openAi(server);
    file = await upload(client, train);
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const create = (given: { readonly search?: object; readonly hyperparameters?: object } = {}) =>
    createSearch(client, { model: MODEL, file }, given);

  let trials: Awaited<ReturnType<typeof trialsOf>>;
  test("runs two trials at once, and ends with a table, a picture and the best one's model", async () => {
    const id = await create({ hyperparameters: { test_split: 0.25 } });
    const job = await reached(client, id, "succeeded");
    trials = await trialsOf(server, id);
    expect(trials.map(({ number, status, hyperparameters }) => [number, status, hyperparameters])).toEqual([
      [1, "finished", { learning_rate: 1e-5 }],
      [2, "finished", { learning_rate: 2e-3 }],
      [3, "finished", { learning_rate: 5e-4 }],
    ]);
    const [one, other] = trials.map(({ runs }) => runs[0]!.intervals[0]!);
    expect(other!.started_at).toBeLessThan(one!.ended_at!);
    expect(one!.started_at).toBeLessThan(other!.ended_at!);
    expect(trials[1]!.score).toBeGreaterThan(trials[0]!.score!);
    expect(job.trained_tokens).toBe(trials.reduce((sum, { runs }) => sum + runs[0]!.trained_tokens, 0));

    const messages = (await eventsOf(client, id)).map(({ message }) => message);
    expect(messages).toContainEqual(expect.stringMatching(/; 3 trials, 2 runs at a time$/));
    expect(messages.filter((message) => /^Trial \d \(learning_rate [\d.e-]+\): accuracy=/.test(message))).toHaveLength(
      3,
    );
    expect(messages).toContainEqual(expect.stringMatching(/^Test of the checkpoint of step \d+: .*accuracy=/));

    const picture = await server.get(`/v1/fine_tuning/jobs/${id}/trials.svg`);
    expect(picture.headers.get("content-type")).toMatch(/^image\/svg\+xml/);
    expect(await picture.text()).toMatch(/^<svg .*<\/svg>\n$/s);
    const table = await (await client.files.content(job.result_files[0]!)).text();
    expect(table.split("\n")[0]).toMatch(/^trial,fold,learning_rate,status,score,value,best_step,steps,seconds,/);
    expect(table.trim().split("\n")).toHaveLength(4);

    const answer = await server.post("/predict", { inputs: "the layers in the stag", model: job.fine_tuned_model! });
    expect(answer.status).toBe(200);
  });

  test("is paused and goes on, to the same trials", async () => {
    const id = await create({ hyperparameters: { test_split: 0.25 } });
    await eventually(async () => {
      expect((await trialsOf(server, id)).some(({ runs }) => runs[0]!.step > 0)).toBe(true);
    });
    await server.post(`/v1/fine_tuning/jobs/${id}/pause`, {});
    await eventually(async () => {
      expect((await trialsOf(server, id)).every(({ status }) => status !== "running")).toBe(true);
    });
    await server.post(`/v1/fine_tuning/jobs/${id}/resume`, {});
    await reached(client, id, "succeeded");
    expect(withoutTimes(await trialsOf(server, id))).toEqual(withoutTimes(trials));
  });

  test("cross-validates, and trains on all of the data", async () => {
    const search = { folds: 4, parallel: 2 };
    const id = await create({ search, hyperparameters: { learning_rate: 2e-3, validation_split: undefined } });
    await reached(client, id, "succeeded");
    const [trial, ...others] = await trialsOf(server, id);
    expect([others, trial!.runs.map(({ fold }) => fold)]).toEqual([[], [1, 2, 3, 4]]);
    expect(trial).toMatchObject({ metric: "accuracy", deviation: expect.any(Number) as number });
  });

  test("is refused with the field that is wrong", async () => {
    const wrong = create({ search: { space: { learning_rate: [1e-5, 3] } } });
    await expect(wrong).rejects.toThrow(BadRequestError);
    await expect(wrong).rejects.toMatchObject({
      param: "method.supervised.search.space.learning_rate",
      message: expect.stringContaining("3: expected a learning rate of at most 1") as string,
    });
  });

  test("has no trials where it does not search", async () => {
    const hyperparameters = { max_steps: 1, batch_size: 8, micro_batches: 1 };
    const id = await createJob(client, { model: MODEL, file }, { hyperparameters });
    expect(await trialsOf(server, id)).toEqual([]);
    expect(await (await server.get(`/v1/fine_tuning/jobs/${id}/trials.svg`)).text()).toContain("no values");
    await reached(client, id, "succeeded");
    expect((await server.get("/v1/fine_tuning/jobs/ftjob-none/trials")).status).toBe(404);
  });
});

describe("stagecoach train --vary", () => {
  const argsOf = (output: string, ...flags: string[]) => {
    const data = ["--data", train, "--validation-split", "0.25"];
    const short = ["--batch-size", "8", "--micro-batches", "1", "--epochs", "2"];
    return ["train", "--model", tinyEncoder, "--output", join(folder, output), ...data, ...short, ...flags];
  };
  const bytesOf = (output: string) => readFileSync(join(folder, output, "model", "model.safetensors"));
  const rates = ["--vary", "learning-rate=1e-5,2e-3"];

  test("shows trials as they end, a table, and where the model and the picture are", async () => {
    const { code, stdout, stderr } = await stagecoach(argsOf("grid", ...rates), { timeoutMs: 100_000 });
    expect([code, stderr]).toEqual([0, expect.stringContaining("2 trials, 2 runs at a time")]);
    expect(stderr).toMatch(/^trial 2 \(learning_rate 0\.002\): accuracy [\d.]+ \(best so far\)$/m);
    expect(stderr).toMatch(/100%  48 steps of 48 steps.* of 2 trials, best accuracy/);
    expect(stdout).toMatch(
      /trial +learning_rate +accuracy +steps +seconds +state\n +2 +0\.002 +[\d.]+ +24 +[\d.]+ +finished\n +1 /,
    );
    expect(stdout).toContain(`Picture  ${join(folder, "grid", "model", "trials.svg")}`);
    expect(readFileSync(join(folder, "grid", "model", "README.md"), "utf8")).toContain("![the trials](trials.svg)");
  });

  test("stopped with Ctrl-C it goes on with --resume, to the same model", async () => {
    const program = ["--conditions=@stagecoach/source", stagecoachMain, ...argsOf("resumed", ...rates)];
    const running = spawn(process.execPath, program, { env: cleanEnv(), stdio: ["ignore", "ignore", "pipe"] });
    let shown = "";
    running.stderr.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
      if (shown.includes("steps of")) running.kill("SIGINT");
    });
    await new Promise((resolve) => running.once("exit", resolve));
    expect(shown).toContain("stopping: the step at work is finished");
    const { code, stderr } = await stagecoach(["train", "--resume", join(folder, "resumed")], { timeoutMs: 100_000 });
    expect([code, stderr]).toEqual([0, expect.stringContaining("2 trials, 2 runs at a time")]);
    expect(bytesOf("resumed").equals(bytesOf("grid"))).toBe(true);
  });
});
