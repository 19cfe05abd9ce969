/** @file The metrics in a real Prometheus: promtool's lint, a scrape, and the queries of docs/METRICS.md. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { golden } from "../harness/goldenSentences.ts";
import { repository } from "../harness/paths.ts";
import { freePort, startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

type Sample = { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] };

/** `| question | `query` |` rows of the document. */
const documented = [
  ...readFileSync(join(repository, "docs/METRICS.md"), "utf8").matchAll(/^\| (.+?) +\| `(.+)` +\|$/gm),
]
  .map(([, question, query]) => ({ question: question!, query: query!.replaceAll(/\[\d+[mh]\]/g, "[15s]") }))
  .filter(({ query }) => query.includes("("));

let server: TestServer;
let folder: string;
let prometheus: ChildProcess;
let url: string;
let log = "";

beforeAll(async () => {
  server = await startServer({ flags: ["--stages", "2", "--served-model-name", 'a "quoted" \\ model'] });
  folder = mkdtempSync(join(tmpdir(), "stagecoach-prometheus-"));
  const config = {
    global: { scrape_interval: "500ms", scrape_timeout: "500ms" },
    scrape_configs: [{ job_name: "stagecoach", static_configs: [{ targets: [new URL(server.url).host] }] }],
  };
  // YAML is a superset of JSON.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  url = `http://${address}`;
  prometheus = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  prometheus.stderr!.setEncoding("utf8").on("data", (text: string) => (log += text));
}, 60_000);
afterAll(async () => {
  const ended = new Promise((resolve) => prometheus.once("exit", resolve));
  prometheus.kill();
  await ended;
  rmSync(folder, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

/** @throws Error with Prometheus' own words for a query that it does not take */
async function ask(expression: string): Promise<readonly Sample[]> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
  const answer = (await response.json()) as { status: string; error?: string; data: { result: readonly Sample[] } };
  if (answer.status !== "success") throw new Error(`${expression}: ${answer.error}`);
  return answer.data.result;
}

const isOfJobs = ({ query: expression }: { readonly query: string }) => expression.includes("stagecoach_job_");

const valueOf = async (expression: string) => Number((await ask(expression))[0]?.value[1]);

describe("Prometheus", () => {
  test("promtool's lint finds nothing, neither at the first scrape nor after requests", async () => {
    const check = async () => {
      const input = await (await server.get("/metrics")).text();
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
      expect(stdout + stderr).toBe("");
      expect(status).toBe(0);
    };
    await check();
    expect((await server.post("/embed", { inputs: golden.texts })).status).toBe(200);
    expect((await server.post("/embed", { inputs: [] })).status).toBe(400);
    await check();
  });

  test("scrapes it, and has the numbers that it gave", async () => {
    await eventually(async () => expect(await valueOf('up{job="stagecoach"}'), log).toBe(1), { timeout: 30_000 });
    const tokens = golden.token_ids.reduce((total, ids) => total + ids.length, 0);
    await eventually(async () => expect(await valueOf("stagecoach_tokens_total")).toBe(tokens));
    const [{ metric }] = (await ask("stagecoach_tokens_total")) as [Sample];
    expect(metric["model"]).toBe('a "quoted" \\ model');
    for (const stage of ["0", "1"]) {
      expect(await valueOf(`stagecoach_stage_up{stage="${stage}"}`)).toBe(1);
      await eventually(async () =>
        expect(await valueOf(`stagecoach_stage_tokens_total{stage="${stage}"}`)).toBe(tokens),
      );
    }
    expect(await valueOf('stagecoach_http_requests_total{route="/embed",status="400"}')).toBe(1);
  });

  test("understands the queries of docs/METRICS.md about jobs, which have numbers while one runs", async () => {
    const ofJobs = documented.filter(isOfJobs);
    expect(ofJobs.length).toBeGreaterThan(0);
    for (const { query: expression } of ofJobs) expect(await ask(expression)).toEqual([]);
  });

  test("answers every other query of docs/METRICS.md with a number", async () => {
    expect(documented.length).toBeGreaterThanOrEqual(6);
    // Rates need two scrapes with work between them.
    await eventually(
      async () => {
        await server.post("/v1/embeddings", { input: golden.texts });
        for (const { question, query: expression } of documented.filter((each) => !isOfJobs(each))) {
          const values = (await ask(expression)).map(({ value }) => Number(value[1]));
          expect(values.length, question).toBeGreaterThan(0);
          for (const value of values) expect(value, question).toSatisfy(Number.isFinite);
        }
      },
      { timeout: 60_000, interval: 300 },
    );
  });
});
