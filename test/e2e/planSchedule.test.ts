/** @file `stagecoach plan --schedule`: a training step on paper, and docs/SCHEDULES.md shows what it prints. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { repository, tinyEncoder } from "../harness/paths.ts";
import { stagecoach } from "../harness/startServer.ts";

type Step = {
  readonly schedule: { readonly name: string; readonly stages: readonly (readonly { readonly kind: string }[])[] };
  readonly costs: { readonly forwardSeconds: readonly number[]; readonly backwardSeconds: readonly number[] };
  readonly simulation: {
    readonly makespanSeconds: number;
    readonly bubbleShare: number;
    readonly activations: readonly number[];
  };
};
type Plan = { readonly stages?: readonly { readonly share: number }[]; readonly step: Step };

const folder = mkdtempSync(join(tmpdir(), "stagecoach-plan-"));
afterAll(() => rmSync(folder, { recursive: true }));

const plan = (...flags: string[]) => stagecoach(["plan", ...flags], { timeoutMs: 60_000 });
const planOf = async (...flags: string[]) => JSON.parse((await plan("--json", ...flags)).stdout) as Plan;

describe("stagecoach plan --schedule", () => {
  test("needs no model: passes take 1 and 2 ms, and the step (m + p - 1) times both", async () => {
    const { stages, step } = await planOf("--schedule", "1f1b", "--stages", "4", "--micro-batches", "8");
    expect(stages).toBeUndefined();
    expect(step.schedule.name).toBe("1f1b");
    expect(step.costs.forwardSeconds).toEqual([0.001, 0.001, 0.001, 0.001]);
    expect(step.costs.backwardSeconds).toEqual([0.002, 0.002, 0.002, 0.002]);
    expect(step.simulation.makespanSeconds).toBeCloseTo(11 * 0.003, 12);
    expect(step.simulation.bubbleShare).toBeCloseTo(3 / 11, 12);
    expect(step.simulation.activations).toEqual([4, 3, 2, 1]);
  });

  test.each([[["gpipe"]], [["1f1b"]], [["1f1b", "--link-ms", "0.5"]], [["eager-1f1b", "--link-ms", "0.5"]]])(
    "prints the picture of docs/SCHEDULES.md: %j",
    async ([schedule, ...flags]) => {
      const { code, stdout, stderr } = await plan(
        "--schedule",
        schedule!,
        "--stages",
        "4",
        "--micro-batches",
        "6",
        ...flags,
      );
      expect([code, stderr]).toEqual([0, ""]);
      const picture = stdout.split("\n").slice(0, 5).join("\n");
      expect(picture).toMatch(/^stage 3 \|.*\|$/m);
      expect(readFileSync(join(repository, "docs/SCHEDULES.md"), "utf8")).toContain(`\n${picture}\n`);
    },
  );

  test("takes times per stage, and backward as twice forward unless it is given", async () => {
    const flags = ["--schedule", "gpipe", "--stages", "2", "--micro-batches", "1", "--forward-ms", "3,5"];
    // One micro-batch goes through everything: 3 + 5 + 10 + 6; with 7 and 8 backward, an update of 2 and links of 1: 26 + 1.
    expect((await planOf(...flags)).step.simulation.makespanSeconds).toBeCloseTo(0.024, 12);
    const given = await planOf(...flags, "--backward-ms", "7,8", "--update-ms", "2", "--link-ms", "1");
    expect(given.step.simulation.makespanSeconds).toBeCloseTo(0.027, 12);
  });

  test("with a model, stages take times in the proportions of their layers, and the layers are shown too", async () => {
    const flags = ["--schedule", "eager-1f1b", "--stages", "3", "--model", tinyEncoder];
    const { stages, step } = await planOf(...flags);
    for (const [stage, { share }] of stages!.entries())
      expect(step.costs.forwardSeconds[stage]).toBeCloseTo((share * 3) / 1000, 12);
    const { stdout } = await plan(...flags);
    expect(stdout).toMatch(/^tiny-encoder over 3 stages$/m);
    expect(stdout).toMatch(/^eager-1f1b: [\d.]+ ms, bubble [\d.]+ %, activations held 5 3 1$/m);
  });

  test("with --measure they take what this machine takes", async () => {
    const { step } = await planOf("--schedule", "1f1b", "--model", tinyEncoder, "--measure");
    for (const seconds of step.costs.forwardSeconds) {
      expect(seconds).toBeGreaterThan(1e-7);
      expect(seconds).toBeLessThan(1);
    }
  });

  test("writes the picture and the trace, and says so", async () => {
    const [svg, trace] = [join(folder, "step.svg"), join(folder, "step.json")];
    const { code, stdout } = await plan("--schedule", "1f1b", "--micro-batches", "3", "--svg", svg, "--trace", trace);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n").slice(-2)).toEqual([svg, trace]);
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg [^]*<\/svg>\n$/);
    const { traceEvents } = JSON.parse(readFileSync(trace, "utf8")) as { traceEvents: { ph: string; cat: string }[] };
    // Two stages, three micro-batches: as many forward as backward passes.
    for (const kind of ["forward", "backward"])
      expect(traceEvents.filter(({ ph, cat }) => ph === "X" && cat === kind).length).toBe(6);
  });

  test.each([
    [["--schedule", "2f2b"], 'pipelineSchedule: expected one of gpipe, 1f1b, eager-1f1b, got "2f2b"'],
    [["--schedule", "1f1b", "--micro-batches", "0"], '--micro-batches: expected a whole number of at least 1, got "0"'],
    [["--schedule", "1f1b", "--stages", "none"], '--stages: expected a whole number of at least 1, got "none"'],
    [
      ["--schedule", "1f1b", "--stages", "3", "--forward-ms", "1,2"],
      '--forward-ms: expected one number of at least 0, or 3 with commas between them, got "1,2"',
    ],
    [["--schedule", "1f1b", "--link-ms", "-1"], '--link-ms: expected one number of at least 0, got "-1"'],
    [["--svg", "x.svg"], "--svg: expected --schedule beside it, got none (without a schedule no step is simulated)"],
  ])("%j is refused", async (flags, message) => {
    const { code, stderr, stdout } = await plan(...flags);
    expect({ code, stderr, stdout }).toEqual({ code: 2, stderr: `stagecoach: ${message}\n`, stdout: "" });
    expect(existsSync("x.svg")).toBe(false);
  });
});
