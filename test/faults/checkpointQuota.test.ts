/** @file Jobs whose checkpoints have no room beside those of others. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, openAi, reached, upload } from "../harness/trainingJobs.ts";

const MODEL = "org/tiny";

describe("a quota of checkpoints", () => {
  const folder = mkdtempSync(join(tmpdir(), "stagecoach-quota-"));
  const dataDir = join(folder, "data");
  let server: TestServer;
  let client: OpenAI;
  let file: string;
  /** The next server on the same folder, with room for so many bytes. */
  const open = async (maxBytes?: number) => {
    const quota = maxBytes === undefined ? [] : ["--max-checkpoints-bytes", String(Math.round(maxBytes))];
    server = await startServer({ dataDir, flags: ["--served-model-name", MODEL, ...quota] });
    client = openAi(server);
  };
  const create = (max_steps: number) =>
    createJob(client, { model: MODEL, file }, { hyperparameters: { max_steps, checkpoint_steps: 4, batch_size: 8 } });
  const checkpointsOf = async (id: string) => (await client.fineTuning.jobs.checkpoints.list(id)).data;
  const stepsOf = async (id: string) => (await checkpointsOf(id)).map(({ step_number }) => step_number);

  beforeEach(async () => {
    await open();
    writeToyTexts(join(folder, "train.jsonl"), 64, 1);
    file = await upload(client, join(folder, "train.jsonl"));
  });
  afterEach(() => server[Symbol.asyncDispose]());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("takes the room of a job that has ended, and fails one that would need its own", async () => {
    const first = await create(8);
    await reached(client, first, "succeeded");
    expect(await stepsOf(first)).toEqual([8, 4]);
    const { checkpoint_bytes: bytes } = (await checkpointsOf(first))[0]!.metrics as { checkpoint_bytes: number };
    await server[Symbol.asyncDispose]();

    // Two are kept, and a third is there while the oldest of a job is still needed.
    await open(4.5 * bytes);
    const second = await create(8);
    await reached(client, second, "succeeded");
    expect([await stepsOf(first), await stepsOf(second)]).toEqual([[8], [8, 4]]);
    await server[Symbol.asyncDispose]();

    await open(1.5 * bytes);
    const third = await create(8);
    const { error } = await reached(client, third, "failed");
    expect(error).toMatchObject({
      code: "checkpoint_quota",
      message: expect.stringMatching(
        /^checkpoint of step 4: expected room for \d+ bytes, .*--max-checkpoints-bytes/,
      ) as string,
    });
    expect([await stepsOf(first), await stepsOf(second), await stepsOf(third)]).toEqual([[], [], [0]]);
    const [last] = await checkpointsOf(third);
    const answer = await server.post("/predict", { inputs: "stag", model: last!.fine_tuned_model_checkpoint });
    expect(answer.status).toBe(200);
  });
});
