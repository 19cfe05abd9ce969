/**
 * @file Dashboards and rules in a real Prometheus that scraped a server under load, a job that runs, one that has ended, and a worker
 * that was started anew: every query that Grafana would make has data, every rule is evaluated and has data without its comparison.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { eventually } from "../harness/eventually.ts";
import { golden } from "../harness/goldenSentences.ts";
import { repository } from "../harness/paths.ts";
import { startPrometheus, type TestPrometheus } from "../harness/startPrometheus.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, openAi, reached, upload } from "../harness/trainingJobs.ts";

type Panel = {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly panels?: Panel[];
};
type Board = {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] };
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[];
  };
};
type Rule = { readonly record?: string; readonly alert?: string; readonly expr: string };

const MODEL = "org/tiny";
const deploy = join(repository, "deploy");
const rulesFile = join(deploy, "prometheus/rules.yml");
const boards = readdirSync(join(deploy, "grafana/dashboards")).map(
  (name) => JSON.parse(readFileSync(join(deploy, "grafana/dashboards", name), "utf8")) as Board,
);
const { groups } = parse(readFileSync(rulesFile, "utf8")) as { readonly groups: readonly { readonly rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

const panelsOf = (panels: readonly Panel[]): Panel[] =>
  panels.flatMap((panel) => [panel, ...panelsOf(panel.panels ?? [])]);
const queries = boards.flatMap(({ title, panels, annotations }) => [
  ...panelsOf(panels).flatMap((panel) =>
    (panel.targets ?? []).map(({ expr }) => ({ name: `${title}, ${panel.title}`, expr })),
  ),
  ...annotations.list.flatMap(({ name, expr }) => (expr ? [{ name: `${title}, annotation ${name}`, expr }] : [])),
]);
const variables = new Map(
  boards.flatMap(({ templating }) =>
    templating.list.filter(({ type }) => type === "query").map(({ name, query }) => [name, query] as const),
  ),
);

let folder: string;
let server: TestServer;
let prometheus: TestPrometheus;
let load: Promise<void>;
const over = new AbortController();

/** Requests of which some fail, a few at a time. */
async function keepAsking(): Promise<void> {
  while (!over.signal.aborted) {
    await server.post("/v1/embeddings", { input: golden.texts });
    await server.post("/embed", { inputs: "" });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-dashboards-"));
  writeToyTexts(join(folder, "train.jsonl"), 64, 1);
  server = await startServer({ flags: ["--stages", "2", "--served-model-name", MODEL] });
  prometheus = await startPrometheus({ scraped: server.url, ruleFiles: [rulesFile] });
  const client = openAi(server);
  const file = await upload(client, join(folder, "train.jsonl"));
  // An increase is seen from a zero that was scraped.
  await eventually(async () => {
    if ((await prometheus.valueOf("stagecoach_job_starts_total")) !== 0) throw new Error("jobs are not scraped yet");
  });
  load = keepAsking();
  const short = { max_steps: 3, batch_size: 8 };
  await reached(client, await createJob(client, { model: MODEL, file }, { hyperparameters: short }), "succeeded");
  const long = { max_steps: 50_000, batch_size: 8, validation_split: 0.25, eval_steps: 5, checkpoint_steps: 20 };
  await createJob(client, { model: MODEL, file }, { hyperparameters: long });
  const { pid } = server.workerPids().find(({ stage }) => stage === 1)!;
  process.kill(pid, "SIGKILL");
}, 120_000);
afterAll(async () => {
  over.abort();
  await load;
  await prometheus[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** As Grafana's `label_values(series, label)`. */
async function valuesOf(variable: string): Promise<readonly string[]> {
  const [, series, label] = /^label_values\((\w+), (\w+)\)$/.exec(variables.get(variable)!)!;
  return prometheus.get<readonly string[]>(`label/${label!}/values`, { "match[]": series! });
}

/** As Grafana does it, with every value of a variable chosen. */
async function substituted(expression: string): Promise<string> {
  let text = expression.replaceAll("$__rate_interval", "10s").replaceAll("$__range", "5m");
  for (const name of variables.keys()) text = text.replaceAll(`$${name}`, `(${(await valuesOf(name)).join("|")})`);
  expect(text).not.toContain("$");
  return text;
}

/** @param ask - asked anew at each try: a job that has just begun is a new value of a variable */
async function expectData(ask: () => string | Promise<string>): Promise<void> {
  await eventually(
    async () => {
      const expression = await ask();
      const values = (await prometheus.ask(expression)).map(({ value }) => Number(value[1]));
      expect(values.filter(Number.isFinite).length, expression).toBeGreaterThan(0);
    },
    { timeout: 60_000, interval: 300 },
  );
}

describe("the dashboards", () => {
  test("have all variables, and each has values", async () => {
    expect([...variables.keys()].toSorted()).toEqual(["instance", "job", "model", "replica", "stage"]);
    for (const name of variables.keys())
      await eventually(async () => expect(await valuesOf(name), name).not.toEqual([]), { timeout: 60_000 });
    expect(await valuesOf("model")).toEqual([MODEL]);
    expect(await valuesOf("stage")).toEqual(["0", "1"]);
  });

  test.each(queries)("$name has data", async ({ expr }) => {
    await expectData(() => substituted(expr));
  });
});

describe("the rules", () => {
  test("are what promtool takes, and each alert fires and stays away as rules.test.yml says", () => {
    for (const args of [
      ["check", "rules", rulesFile],
      ["test", "rules", join(deploy, "prometheus/rules.test.yml")],
    ]) {
      const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
      expect(status, stdout + stderr).toBe(0);
    }
  });

  test.each(rules.map(({ record, alert, expr }) => ({ name: record ?? alert, expr })))(
    "$name has data without its comparison",
    async ({ expr }) => {
      await expectData(() => expr.replaceAll(/ [<>] [\d.]+/g, ""));
    },
  );

  test("are all evaluated without an error", async () => {
    await eventually(async () => {
      const { groups: found } = await prometheus.get<{
        readonly groups: readonly { readonly rules: readonly { readonly health: string }[] }[];
      }>("rules");
      const health = found.flatMap((group) => group.rules.map((rule) => rule.health));
      expect(health).toEqual(rules.map(() => "ok"));
    });
  });
});

describe("the configuration of Prometheus", () => {
  test("is what promtool takes", () => {
    const file = join(deploy, "prometheus/prometheus.yml");
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "config", file], { encoding: "utf8" });
    expect(status, stdout + stderr).toBe(0);
  });
});
