/** @file Debian's Prometheus for a test: it scrapes a server twice a second, and answers queries. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./startServer.ts";

export type Sample = { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] };

export type TestPrometheus = AsyncDisposable & {
  readonly log: () => string;
  /** `data` of an answer of its API. @throws Error with Prometheus' own words for what it does not take */
  readonly get: <T>(path: string, query?: Readonly<Record<string, string>>) => Promise<T>;
  /** @throws as `get` */
  readonly ask: (expression: string) => Promise<readonly Sample[]>;
  /** Of the first series; NaN where there is none. */
  readonly valueOf: (expression: string) => Promise<number>;
};

export async function startPrometheus(options: {
  /** URL of what it scrapes. */
  readonly scraped: string;
  readonly ruleFiles?: readonly string[];
}): Promise<TestPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), "stagecoach-prometheus-"));
  const config = {
    global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
    rule_files: options.ruleFiles ?? [],
    scrape_configs: [{ job_name: "stagecoach", static_configs: [{ targets: [new URL(options.scraped).host] }] }],
  };
  // YAML is a superset of JSON.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const prometheus = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = new Promise((resolve) => prometheus.once("exit", resolve));
  let log = "";
  prometheus.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));

  async function get<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
    const response = await fetch(`http://${address}/api/v1/${path}?${new URLSearchParams(query).toString()}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== "success") throw new Error(`${JSON.stringify(query)}: ${answer.error}`);
    return answer.data;
  }
  const ask = async (expression: string) =>
    (await get<{ readonly result: readonly Sample[] }>("query", { query: expression })).result;
  return {
    log: () => log,
    get,
    ask,
    valueOf: async (expression) => Number((await ask(expression))[0]?.value[1]),
    async [Symbol.asyncDispose]() {
      prometheus.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
