/** @file `stagecoach doctor`: which engines load here; and that `serve` refuses the others with the same words. */
import { beforeAll, describe, expect, test } from "vitest";
import { tinyEncoder } from "../harness/paths.ts";
import { stagecoach } from "../harness/startServer.ts";

type Probe = { name: string; available: boolean; description?: string; reason?: string; remedy?: string };
type Report = { machine: Record<string, unknown>; engines: Probe[]; tracing: string };

let report: Report;
let text: string;
beforeAll(async () => {
  const [json, plain] = [
    await stagecoach(["doctor", "--json"], { timeoutMs: 60_000, env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:1" } }),
    await stagecoach(["doctor"], { timeoutMs: 60_000 }),
  ];
  expectSuccess(json);
  expectSuccess(plain);
  report = JSON.parse(json.stdout) as Report;
  text = plain.stdout;
}, 120_000);

function expectSuccess({ code, stderr }: { code: number | string; stderr: string }): void {
  if (code !== 0) throw new Error(`doctor ended with ${code}: ${stderr}`);
}

describe("stagecoach doctor", () => {
  test("lists the five engines", () => {
    expect(report.engines.map(({ name }) => name)).toEqual([
      "onnxruntime",
      "tfjs",
      "tfjs-node-gpu",
      "tfjs-node",
      "tfjs-wasm",
    ]);
  });

  test("says what loads, and of the rest why not and what to do", () => {
    for (const { available, description, reason, remedy } of report.engines) {
      expect((available ? description : reason)?.length).toBeGreaterThan(5);
      expect(available ? "" : remedy).toMatch(available ? /^$/ : /npm/);
    }
    const loads = report.engines.filter(({ available }) => available).map(({ name }) => name);
    expect(loads).toEqual(expect.arrayContaining(["onnxruntime", "tfjs", "tfjs-wasm"]));
  });

  test("names release, Node, platform, cores and memory", () => {
    expect(report.machine).toMatchObject({
      stagecoach: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
    });
    expect(report.machine["cores"]).toBeGreaterThan(0);
    expect(report.machine["memoryBytes"]).toBeGreaterThan(1e8);
  });

  test("says whether requests are traced, and where to", () => {
    expect(report.tracing).toBe("sent to http://c:1/v1/traces (http/protobuf, parentbased_always_on)");
    expect(text).toMatch(/^traces\n {2}off .*OTEL_EXPORTER_OTLP_ENDPOINT/m);
  });

  test("prints the same for people", () => {
    for (const { name, available, description, reason, remedy } of report.engines) {
      expect(text).toMatch(new RegExp(`^ {2}${available ? "ok" : "--"} +${name} `, "m"));
      expect(text).toContain(available ? description : reason);
      expect(text).toContain(available ? description : `to have it: ${remedy}`);
    }
  });

  test("an engine that does not load is refused by serve, with what to install", async ({ skip }) => {
    const absent = report.engines.find(({ available }) => !available);
    if (absent === undefined) skip("every engine loads on this machine");
    const { name, remedy } = absent!;
    const { code, stderr } = await stagecoach(["serve", "--model", tinyEncoder, "--port", "0", "--engine", name]);
    expect(code).toBe(2);
    const words = stderr
      .split("\n")
      .filter((line) => !line.startsWith("{"))
      .join("\n")
      .trim();
    expect(words).toMatch(/^stagecoach: /);
    expect(words).toContain(remedy);
    expect(words).not.toMatch(/^ +at /m);
  });

  test("an engine that nobody knows is refused with the names of those there are", async () => {
    const { code, stderr } = await stagecoach(["serve", "--model", tinyEncoder, "--engine", "torch"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--engine");
    for (const { name } of report.engines) expect(stderr).toContain(name);
  });
});
