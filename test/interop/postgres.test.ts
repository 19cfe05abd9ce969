/** @file Jobs on Debian's PostgreSQL: the suites that the store and the queue pass on `node:sqlite`, and real gateways. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadRequestError, ConflictError, NotFoundError, type OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { queueCases } from "../../apps/server/src/jobs/testing/queueCases.ts";
import { queueLossCases } from "../../apps/server/src/jobs/testing/queueLossCases.ts";
import { postgresCases } from "../../apps/server/src/store/testing/postgresCases.ts";
import { startPostgres, type TestPostgres } from "../../apps/server/src/store/testing/startPostgres.ts";
import { storeCases } from "../../apps/server/src/store/testing/storeCases.ts";
import { launchServer, startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import {
  attemptsOf,
  createJob,
  expectDoneOnce,
  lastStepOf,
  madeStep,
  openAi,
  resumptionsOf,
  upload,
} from "../harness/trainingJobs.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

const createDatabase = () => postgres.createDatabase();
storeCases("PostgreSQL", createDatabase);
postgresCases(() => postgres);
queueCases("PostgreSQL", createDatabase);
queueLossCases("PostgreSQL", createDatabase);

describe("a gateway whose state is on PostgreSQL", () => {
  const MODEL = "org/tiny";
  const NUM_STEPS = 400;
  const CHECKPOINT_STEPS = 50;
  let folder: string;
  let dataDir: string;
  let env: { readonly DATABASE_URL: string };
  let server: TestServer;
  let client: OpenAI;
  let file: string;
  const servers: TestServer[] = [];

  const open = async () => {
    server = await startServer({ dataDir, env, flags: ["--stages", "2", "--served-model-name", MODEL] });
    client = openAi(server);
    servers.push(server);
  };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "stagecoach-postgres-jobs-"));
    dataDir = join(folder, "data");
    env = { DATABASE_URL: createDatabase() };
    writeToyTexts(join(folder, "train.jsonl"), 64, 1);
    await open();
    file = await upload(client, join(folder, "train.jsonl"));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const create = (max_steps: number) =>
    createJob(
      client,
      { model: MODEL, file },
      { hyperparameters: { max_steps, checkpoint_steps: CHECKPOINT_STEPS, batch_size: 8 } },
    );

  test("is killed in the middle of a job: the next one ends it, once, and serves its model", async () => {
    const id = await create(NUM_STEPS);
    await madeStep(dataDir, id, CHECKPOINT_STEPS + 5);
    server.process.kill("SIGKILL");
    expect(await server.exited).toBe("SIGKILL");
    await server[Symbol.asyncDispose]();
    expect(lastStepOf(dataDir, id)).toBeLessThan(NUM_STEPS);

    await open();
    const job = await expectDoneOnce(client, { id, dataDir, numSteps: NUM_STEPS });
    expect(attemptsOf(servers, id)).toEqual([1, 2]);
    const resumptions = await resumptionsOf(client, id);
    expect(resumptions.map(({ reason }) => reason)).toEqual(["restart"]);
    expect(resumptions[0]!.step).toBeGreaterThanOrEqual(CHECKPOINT_STEPS);
    const model = job.fine_tuned_model!;
    const response = await server.post("/predict", { inputs: "the layers of a stag", model });
    expect(response.status).toBe(200);
    const labels = (await response.json()) as { label: string }[];
    expect(labels.map(({ label }) => label).toSorted()).toEqual(["no", "yes"]);
    const checkpoints = (await client.fineTuning.jobs.checkpoints.list(id)).data;
    expect(checkpoints[0]).toMatchObject({ step_number: NUM_STEPS, fine_tuning_job_id: id });
    expect((await client.fineTuning.jobs.list()).data.map((each) => each.id)).toEqual([id]);
    expect(readdirSync(dataDir)).not.toContain("state.db");
  });

  test("pauses, resumes and cancels a job, and keeps the file that it reads", async () => {
    const id = await create(20_000);
    await madeStep(dataDir, id, 1);
    expect((await client.fineTuning.jobs.pause(id)).status).toBe("paused");
    await expect(client.files.delete(file)).rejects.toThrow(ConflictError);
    expect((await client.fineTuning.jobs.resume(id)).status).toMatch(/queued|running/);
    expect((await client.fineTuning.jobs.cancel(id)).status).toBe("cancelled");
    await expect(client.fineTuning.jobs.cancel(id)).rejects.toThrow(BadRequestError);
    expect(await client.files.delete(file)).toMatchObject({ id: file, deleted: true });
    await expect(client.files.retrieve(file)).rejects.toThrow(NotFoundError);
  });

  test("keeps another one, in another data folder, from the same database", async () => {
    await using other = launchServer({ env });
    expect(await other.exited).toBe(2);
    expect(other.log()).toMatch(/another gateway works on this database \(DATABASE_URL\): stop it, or give this one/);
    expect((await server.get("/v1/fine_tuning/jobs")).status).toBe(200);
  });
});
