/** @file The metrics in a real Prometheus: promtool's lint, a scrape, and the queries of docs/METRICS.md. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { golden } from "../harness/goldenSentences.ts";
import { repository } from "../harness/paths.ts";
import { startPrometheus, type Sample, type TestPrometheus } from "../harness/startPrometheus.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

/** `| question | `query` |` rows of the document. */
const documented = [
  ...readFileSync(join(repository, "docs/METRICS.md"), "utf8").matchAll(/^\| (.+?) +\| `(.+)` +\|$/gm),
]
  .map(([, question, query]) => ({ question: question!, query: query!.replaceAll(/\[\d+[mh]\]/g, "[15s]") }))
  .filter(({ query }) => query.includes("("));

let server: TestServer;
let prometheus: TestPrometheus;

beforeAll(async () => {
  server = await startServer({ flags: ["--stages", "2", "--served-model-name", 'a "quoted" \\ model'] });
  prometheus = await startPrometheus({ scraped: server.url });
}, 60_000);
afterAll(async () => {
  await prometheus[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const ask = (expression: string) => prometheus.ask(expression);
const valueOf = (expression: string) => prometheus.valueOf(expression);

const isOfJobs = ({ query: expression }: { readonly query: string }) => expression.includes("stagecoach_job_");

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
    await eventually(async () => expect(await valueOf('up{job="stagecoach"}'), prometheus.log()).toBe(1), {
      timeout: 30_000,
    });
    const tokens = golden.token_ids.reduce((total, ids) => total + ids.length, 0);
    await eventually(async () => expect(await valueOf("stagecoach_tokens_total")).toBe(tokens));
    const [{ metric }] = (await ask("stagecoach_tokens_total")) as [Sample];
    expect(metric["model"]).toBe('a "quoted" \\ model');
    for (const stage of ["0", "1"]) {
      await eventually(async () => expect(await valueOf(`stagecoach_stage_up{stage="${stage}"}`)).toBe(1));
      await eventually(async () =>
        expect(await valueOf(`stagecoach_stage_tokens_total{stage="${stage}"}`)).toBe(tokens),
      );
    }
    await eventually(async () =>
      expect(await valueOf('stagecoach_http_requests_total{route="/embed",status="400"}')).toBe(1),
    );
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
