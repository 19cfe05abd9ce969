/** @file Jobs that were accepted by a gateway which is killed before it has started them: none is lost, each is run once. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, eventsOf, madeStep, openAi, reached, resumptionsOf, upload } from "../harness/trainingJobs.ts";

const MODEL = "org/tiny";
const absent = process.platform === "linux" ? null : "skipped: processes are found in /proc";

describe.skipIf(absent !== null)(
  `a gateway that is killed once it has answered "queued" (${absent ?? "Linux"})`,
  () => {
    let [folder, dataDir, file] = ["", "", ""];
    let server: TestServer;
    let client: OpenAI;
    const logs: (() => string)[] = [];

    const open = async () => {
      server = await startServer({ dataDir, flags: ["--stages", "2", "--served-model-name", MODEL] });
      client = openAi(server);
      logs.push(server.log);
    };
    const kill = async () => {
      server.process.kill("SIGKILL");
      expect(await server.exited).toBe("SIGKILL");
    };
    const create = (max_steps: number) =>
      createJob(
        client,
        { model: MODEL, file },
        { hyperparameters: { max_steps, batch_size: 8, checkpoint_steps: 10 } },
      );
    /** Attempts at the job that the logs of all gateways tell of. */
    const startsOf = (id: string) =>
      logs
        .flatMap((log) => log().split("\n"))
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as { msg: string; jobId?: string; attempt?: number })
        .filter(({ msg, jobId }) => msg === "job started" && jobId === id)
        .map(({ attempt }) => attempt);
    const stepsOf = (id: string) =>
      readFileSync(join(dataDir, "jobs", id, "steps.jsonl"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { step: number }).step);
    const expectDoneOnce = async (id: string, numSteps: number) => {
      const { fine_tuned_model: model } = await reached(client, id, "succeeded");
      expect(stepsOf(id)).toEqual(Array.from({ length: numSteps }, (_, index) => index + 1));
      const messages = (await eventsOf(client, id)).map(({ message }) => message);
      for (const once of [
        `Created fine-tuning job: ${id}`,
        "Fine-tuning job started",
        `New fine-tuned model created: ${model}`,
      ])
        expect(messages.filter((message) => message === once)).toEqual([once]);
      expect((await client.models.list()).data.filter((each) => each.id === model)).toHaveLength(1);
    };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "stagecoach-queued-"));
      dataDir = join(folder, "data");
      writeToyTexts(join(folder, "train.jsonl"), 64, 1);
      await open();
      file = await upload(client, join(folder, "train.jsonl"));
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    test("jobs that waited behind another are run by the next gateway, in their order, with one trainer each", async () => {
      const first = await create(60);
      await madeStep(dataDir, first, 1);
      const waiting = [await create(3), await create(4)];
      await kill();
      for (const id of waiting) expect(startsOf(id)).toEqual([]);
      await open();
      await expectDoneOnce(waiting[1]!, 4);
      await expectDoneOnce(waiting[0]!, 3);
      await expectDoneOnce(first, 60);
      for (const id of waiting) {
        expect(startsOf(id)).toEqual([1]);
        expect(await resumptionsOf(client, id)).toEqual([]);
      }
      const ended = await Promise.all([first, ...waiting].map((id) => client.fineTuning.jobs.retrieve(id)));
      const times = ended.map((job) => job.finished_at!);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    test.each([1, 2, 3])("a job that found nothing to wait for, killed with the answer in hand (time %i)", async () => {
      const id = await create(3);
      await kill();
      await open();
      await expectDoneOnce(id, 3);
      // As far as the first gateway came, and as the second went on.
      expect(startsOf(id).at(-1)).toBeLessThanOrEqual(2);
      expect(new Set(startsOf(id)).size).toBe(startsOf(id).length);
    });
  },
);
