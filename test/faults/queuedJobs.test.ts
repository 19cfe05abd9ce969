/** @file Jobs that were accepted by a gateway which is killed before it has started them: none is lost, each is run once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import {
  attemptsOf,
  createJob,
  expectDoneOnce,
  jobStarts,
  madeStep,
  openAi,
  resumptionsOf,
  upload,
} from "../harness/trainingJobs.ts";

const MODEL = "org/tiny";
const absent = process.platform === "linux" ? null : "skipped: processes are found in /proc";

describe.skipIf(absent !== null)(
  `a gateway that is killed once it has answered "queued" (${absent ?? "Linux"})`,
  () => {
    let [folder, dataDir, file] = ["", "", ""];
    let server: TestServer;
    let client: OpenAI;
    const servers: TestServer[] = [];

    const open = async () => {
      server = await startServer({ dataDir, flags: ["--stages", "2", "--served-model-name", MODEL] });
      client = openAi(server);
      servers.push(server);
    };
    const kill = async () => {
      server.process.kill("SIGKILL");
      expect(await server.exited).toBe("SIGKILL");
      await server[Symbol.asyncDispose]();
    };
    const create = (max_steps: number) =>
      createJob(
        client,
        { model: MODEL, file },
        { hyperparameters: { max_steps, batch_size: 8, checkpoint_steps: 10 } },
      );
    const startsOf = (id: string) => attemptsOf(servers, id);
    const expectDone = (id: string, numSteps: number) => expectDoneOnce(client, { id, dataDir, numSteps });

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
      const first = await create(200);
      await madeStep(dataDir, first, 1);
      const waiting = [await create(3), await create(4)];
      await kill();
      for (const id of waiting) expect(startsOf(id)).toEqual([]);
      await open();
      await expectDone(waiting[1]!, 4);
      await expectDone(waiting[0]!, 3);
      await expectDone(first, 200);
      for (const id of waiting) {
        expect(startsOf(id)).toEqual([1]);
        expect(await resumptionsOf(client, id)).toEqual([]);
      }
      expect(jobStarts([server]).map(({ jobId }) => jobId)).toEqual([first, ...waiting]);
    });

    test.each([1, 2, 3])("a job that found nothing to wait for, killed with the answer in hand (time %i)", async () => {
      const id = await create(3);
      await kill();
      await open();
      await expectDone(id, 3);
      // As far as the first gateway came, and as the second went on.
      expect(startsOf(id).at(-1)).toBeLessThanOrEqual(2);
      expect(new Set(startsOf(id)).size).toBe(startsOf(id).length);
    });
  },
);
