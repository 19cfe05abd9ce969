/** @file `stagecoach train` on pairs of texts: flags of sentence vectors, and what is wrong with them before anything long is begun. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { denseEncoder, tinyEncoder } from "../harness/paths.ts";
import { stagecoach } from "../harness/startServer.ts";
import { writeToyPairs } from "../harness/toyTasks.ts";

let folder: string;
let data: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-sentences-"));
  data = join(folder, "pairs.jsonl");
  writeToyPairs(data, 24);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(output: string, model: string, ...flags: string[]) {
  const fixed = ["--data", data, "--model", model, "--output", join(folder, output), "--threads", "1"];
  return stagecoach(["train", ...fixed, ...flags], { timeoutMs: 100_000 });
}

describe("stagecoach train on pairs", () => {
  test("guesses the task, takes several sizes and a teacher, and says in the card who taught", async () => {
    const sizes = ["--matryoshka-dimensions", "16", "--matryoshka-dimensions", "32"];
    const flags = ["--max-steps", "2", "--validation-split", "0.25", "--stages", "2", "--teacher", tinyEncoder];
    const { code, stdout, stderr } = await run("sizes", tinyEncoder, ...sizes, ...flags, "--teacher-weight", "0.5");
    expect([code, stderr]).toEqual([0, expect.stringContaining("sentence-embedding: 18 examples, evaluated on 6")]);
    expect(stderr).toMatch(/100%.*asking the teacher/);
    expect(stdout).toMatch(/mrr_at_10 +[\d.]+/);
    const settings = JSON.parse(readFileSync(join(folder, "sizes", "training.json"), "utf8")) as object;
    expect(settings).toMatchObject({
      task: "sentence-embedding",
      schedule: "gpipe",
      hyperparameters: { matryoshka_dimensions: [16, 32], batch_size: 18 },
    });
    const card = readFileSync(join(folder, "sizes", "model", "README.md"), "utf8");
    expect(card).toMatch(/library_name: "sentence-transformers"/);
    expect(card).toMatch(/\| teacher +\| tiny-encoder +\|/);
  });

  type Refusal = { readonly model?: string; readonly flags: readonly string[]; readonly message: RegExp };
  test.each<[what: string, refusal: Refusal]>([
    ["a size that vectors do not have", { flags: ["--matryoshka-dimensions", "64"], message: /at most 32, .*got 64/ }],
    ["nothing to compare with", { flags: ["--batch-size", "1"], message: /batch size: expected at least 2/ }],
    ["another schedule", { flags: ["--schedule", "1f1b"], message: /schedule: expected gpipe, .*got 1f1b/ }],
    ["dense layers", { model: denseEncoder, flags: [], message: /without dense layers .*, got "2_Dense"/ }],
    ["a new head", { flags: ["--replace-head"], message: /replace head: expected a task with a head/ }],
    ["columns of another task", { flags: ["--task", "masked-lm"], message: /expected columns for masked-lm/ }],
  ])("%s: refused before the teacher is asked", async (_, { model = tinyEncoder, flags, message }) => {
    const { code, stderr } = await run("refused", model, ...flags, "--teacher", tinyEncoder);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(existsSync(join(folder, "refused", "teacher"))).toBe(false);
  });
});
