/**
 * @file Time from `npm start` to the first answer, with the model on disk, and the memory of all processes under load.
 *
 * `npm run bench -- start`
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";
import { LineProcess } from "./harness/lineProcess.ts";
import { resident, type Resident } from "./harness/memory.ts";
import { median } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { model, readTexts, writeTexts } from "./harness/settings.ts";

const RUNS = 10;
const here = fileURLToPath(new URL(".", import.meta.url));
const textsFile = writeTexts(readTexts());
const report = new Report("start");
const seconds: number[] = [];
let loaded: Pick<Resident, "together" | "summed"> = { together: 0, summed: 0 };

for (let run = 0; run < RUNS; run++) {
  const dataDir = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
  const port = await freePort();
  const started = performance.now();
  const npm = spawn(
    "npm",
    ["start", "--silent", "--", "--model", model, "--port", String(port), "--data-dir", dataDir, "--log-level", "warn"],
    {
      cwd: join(here, ".."),
      stdio: "ignore",
      detached: true,
    },
  );
  await firstAnswer(`http://127.0.0.1:${port}`);
  seconds.push((performance.now() - started) / 1000);
  console.error(`  ${run + 1}: ${seconds.at(-1)!.toFixed(2)} s`);
  if (run === RUNS - 1) loaded = await residentUnderLoad(npm.pid!, `http://127.0.0.1:${port}`);
  const exited = new Promise((resolve) => npm.once("exit", resolve));
  process.kill(-npm.pid!, "SIGTERM");
  await exited;
  rmSync(dataDir, { recursive: true, force: true });
}
report.atMost("npm start to the first answer, median of 10", median(seconds), { limit: 3, unit: "s" });
report.note("the same, spread", `${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)} s`);
report.atMost("resident memory of all processes together, one stage, largest under load", loaded.together / 1e6, {
  limit: 450,
  unit: "MB",
});
report.note(
  "the same as a sum of what ps shows, pages in common counted in each process",
  `${(loaded.summed / 1e6).toFixed(1)} MB`,
);
report.save("npm run bench -- start");

async function firstAnswer(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/v1/embeddings`, {
      method: "POST",
      body: JSON.stringify({ input: "hello" }),
    }).catch(() => null);
    if (response?.status === 200) return;
    await pause(10);
  }
}

/** Largest while 3,000 texts are served, after 200 that warm everything up. npm and its shell are part of it. */
async function residentUnderLoad(pid: number, url: string): Promise<typeof loaded> {
  await using client = new LineProcess(process.execPath, [join(here, "clients/httpClient.ts"), url, textsFile]);
  const over = new AbortController();
  let [together, summed] = [0, 0];
  await client.ask("32 1 200");
  const watching = (async () => {
    while (!over.signal.aborted) {
      const now = resident(pid);
      together = Math.max(together, now.together);
      summed = Math.max(summed, now.summed);
      await pause(200);
    }
  })();
  await client.ask("32 1 2000");
  await client.ask("4 32 1000");
  over.abort();
  await watching;
  return { together, summed };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
