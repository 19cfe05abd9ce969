/** @file README's lines for a fine-tuning job, pasted into a shell, while all that they talk to is killed and started again. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repository } from "../harness/paths.ts";
import { cleanEnv, freePort, startServer, type TestServer } from "../harness/startServer.ts";
import { gone, jobProcesses, servingWorkers } from "../harness/trainingJobs.ts";
import { eventually } from "../harness/eventually.ts";

const absent = process.platform === "linux" ? null : "skipped: processes are found in /proc";
const readme = readFileSync(join(repository, "README.md"), "utf8");

/** The lines of the block of README that has this text. */
function linesWith(text: string): string[] {
  const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!);
  return blocks
    .find((block) => block.includes(text))!
    .trimEnd()
    .split("\n");
}

/** What is pasted runs to its end, whoever is killed meanwhile. */
function paste(lines: readonly string[], folder: string) {
  const shell = spawn("sh", { cwd: folder, env: cleanEnv(), stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  shell.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = new Promise<number | null>((resolve) => shell.once("close", resolve));
  shell.stdin.end(`${lines.join("\n")}\n`);
  return { output: () => output, ended, kill: () => shell.kill("SIGKILL") };
}

describe.skipIf(absent !== null)(`the ten lines of README (${absent ?? "Linux"})`, () => {
  const examples = linesWith("> train.jsonl");
  const job = linesWith("/v1/fine_tuning/jobs");
  const folder = mkdtempSync(join(tmpdir(), "stagecoach-readme-"));
  let port: number;
  let server: TestServer;
  let shell: ReturnType<typeof paste> | null = null;

  /** Another one on the same port and data folder, as `npm start` would be, with the model in the box. */
  const open = async () => {
    server = await startServer({ model: null, dataDir: join(folder, "data"), flags: ["--port", String(port)] });
  };

  beforeAll(async () => {
    port = await freePort();
    await open();
  });
  afterAll(async () => {
    shell?.kill();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("are ten", () => expect(job).toHaveLength(10));

  test("come to a topic although everything but the shell is killed in the middle of the job", async () => {
    const more = Array.from({ length: 120 }, (_, index) => index + 1).join(" ");
    const ofPort = (line: string) => line.replace("127.0.0.1:8080", `127.0.0.1:${port}`);
    const all = [...examples.map((line) => line.replace("1 2 3 4 5 6 7 8", more)), ...job.map(ofPort)];
    const { output, ended } = (shell = paste(all, folder));
    await eventually(() => expect(output()).toContain("Step 80/300: "), { timeout: 60_000, interval: 20 });
    const { trainer, workers } = jobProcesses(server);
    const pids = [server.process.pid!, trainer, ...workers, ...servingWorkers(server)];
    expect(pids).not.toContain(-1);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await gone(pids);
    expect(output()).not.toContain("Step 300/300: ");
    await open();
    expect(await ended).toBe(0);
    // The end of an epoch has a checkpoint: 30 steps.
    expect(output()).toMatch(/Going on from the checkpoint of step (60|90|120|150|180|210|240|270);/);
    expect(output()).toContain("Step 300/300: ");
    const answer = JSON.parse(output().split("\n").at(-1)!) as { label: string; score: number }[];
    expect(answer.map(({ label }) => label).toSorted()).toEqual(["billing", "delivery"]);
    expect(answer[0]!.score).toBeGreaterThan(0.5);
  });
});
