/** @file Stage workers that are killed or stopped under load: nobody gets an error, nobody gets another text's vector. */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { metric, metricSum, runLoad } from "../harness/load.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { seededRandom } from "../harness/random.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

const { texts, embeddings } = JSON.parse(readFileSync(`${tinyEncoder}/golden.json`, "utf8")) as {
  texts: string[];
  embeddings: number[][];
};
const SEED = 20261123;

describe("stage workers under load", () => {
  test(`2 replicas x 2 stages, 8 clients, kill -9 every 5 s for a minute (seed ${SEED}): 0 wrong, 0 failed, every kill counted`, async () => {
    await using server = await startServer({ flags: ["--stages", "2", "--replicas", "2"] });
    const random = seededRandom(SEED);
    let isOver = false;
    const load = runLoad(server, { texts, embeddings, clients: 8, goesOn: () => !isOver });
    const killed: number[] = [];
    for (let kill = 0; kill < 12; kill++) {
      await pause(5000);
      const pids = await livePids(server, killed);
      const victim = pids[Math.floor(random() * pids.length)]!;
      process.kill(victim, "SIGKILL");
      killed.push(victim);
    }
    await pause(2000);
    isOver = true;
    const report = await load;
    expect(report.failures).toEqual([]);
    expect(report.wrong).toBe(0);
    expect(report.answered).toBeGreaterThan(1000);
    await eventually(async () => expect(await restarts(server)).toBe(killed.length));
  }, 120_000);

  test("one replica: requests wait for a killed stage and are answered", async () => {
    await using server = await startServer({ flags: ["--stages", "2"] });
    let isOver = false;
    const load = runLoad(server, { texts, embeddings, clients: 8, goesOn: () => !isOver });
    const killed: number[] = [];
    for (const stage of [0, 1, 0]) {
      await pause(1500);
      await livePids(server, killed);
      killed.push(pidOf(server, stage));
      process.kill(killed.at(-1)!, "SIGKILL");
    }
    await pause(3000);
    isOver = true;
    const report = await load;
    expect(report).toMatchObject({ failures: [], wrong: 0 });
    expect(await restarts(server)).toBe(3);
  });

  test("a stage that stands still (kill -STOP) is replaced; requests are answered within their deadline", async () => {
    await using server = await startServer({ flags: ["--stages", "2"] });
    let isOver = false;
    const load = runLoad(server, { texts, embeddings, clients: 4, goesOn: () => !isOver });
    await pause(500);
    process.kill(pidOf(server, 1), "SIGSTOP");
    await pause(8000);
    isOver = true;
    const report = await load;
    expect(report).toMatchObject({ failures: [], wrong: 0 });
    expect(report.slowestMs).toBeLessThan(30_000);
    const scrape = await (await server.get("/metrics")).text();
    expect(metric(scrape, 'stagecoach_worker_restarts_total{replica="0",stage="1"}')).toBe(1);
  });

  test("when the gateway is killed, its workers end by themselves", async () => {
    await using server = await startServer({ flags: ["--stages", "2"] });
    const pids = server.workerPids().map(({ pid }) => pid);
    expect(pids.length).toBe(2);
    server.process.kill("SIGKILL");
    await eventually(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: 60_000, interval: 100 });
  });
});

/** Of all workers, once those that were killed have been replaced. */
function livePids(server: TestServer, killed: readonly number[]): Promise<number[]> {
  return eventually(() => {
    const pids = server.workerPids().map(({ pid }) => pid);
    expect(pids.filter((pid) => killed.includes(pid))).toEqual([]);
    return pids;
  });
}

function pidOf(server: TestServer, stage: number): number {
  return server.workerPids().find((each) => each.stage === stage)!.pid;
}

async function restarts(server: TestServer): Promise<number> {
  return metricSum(await (await server.get("/metrics")).text(), "stagecoach_worker_restarts_total");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
