/** @file examples/model-in-the-box on a few made-up texts: killed in the middle of a training run, started again, and it ends with a small model. */
import { openSafetensors } from "@stagecoach/transformer/node";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEncoder } from "stagecoach";
import { afterAll, describe, expect, test } from "vitest";
import { gzipSync } from "node:zlib";
import { copyModel, editJson } from "../harness/modelFolders.ts";
import { repository } from "../harness/paths.ts";
import { trainTinySentences } from "../harness/trainedModel.ts";
import { eventually } from "../harness/eventually.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-box-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const words = ["stag", "cons", "of", "the", "a", "in", "layers", "workers"];
const text = (number: number) => [1, 8, 64, 5].map((place) => words[Math.floor(number / place) % 8]).join(" ");
const documents = (count: number) =>
  Array.from({ length: count }, (_, number) => ({
    paragraphs: [0, 1, 2].map((each) => `${text(3 * number + each)}.`),
  }));
const pairs = (count: number) =>
  Array.from({ length: count }, (_, number) => ({
    anchor: text(number),
    positive: `${text(number)} ${text(number + 1)}`,
  }));

function writeTexts(): string {
  const files = {
    "documents.train": documents(60),
    "documents.dev": documents(8),
    "pairs.train": pairs(260),
    "pairs.dev": pairs(20),
    "pairs.test": pairs(30),
  };
  for (const [name, rows] of Object.entries(files)) {
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    writeFileSync(join(scratch, `${name}.jsonl.gz`), gzipSync(lines));
  }
  return scratch;
}

/** As large as the student, with weights that nobody has trained for anything. */
async function makeTeacher(): Promise<string> {
  using base = copyModel((folder) => {
    rmSync(join(folder, "model.safetensors"));
    editJson(join(folder, "config.json"), { hidden_size: 256, intermediate_size: 32, num_hidden_layers: 2 });
    editJson(join(folder, "1_Pooling", "config.json"), { embedding_dimension: 256, word_embedding_dimension: 256 });
  });
  return await trainTinySentences(join(scratch, "teacher"), base.folder, 1);
}

describe("examples/model-in-the-box", () => {
  test("goes on where it was killed, repeats nothing that is finished, and leaves a folder of less than 8 MB that is served", async () => {
    const [texts, teacher, output] = [writeTexts(), await makeTeacher(), join(scratch, "box")];
    const start = () =>
      spawn("sh", ["examples/model-in-the-box/make.sh", "--texts", texts, "--teacher", teacher, "--output", output], {
        cwd: repository,
        env: { ...process.env, PRETRAIN_STEPS: "4", DISTILL_EPOCHS: "8", CONTRAST_EPOCHS: "1", STAGES: "2" },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
    const said = (child: ReturnType<typeof start>) => {
      const lines: string[] = [];
      child.stdout.on("data", (chunk: Buffer) => void lines.push(chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => void lines.push(chunk.toString()));
      return new Promise<{ code: number | null; text: string }>((resolve) => {
        child.on("close", (code) => resolve({ code, text: lines.join("") }));
      });
    };
    const first = start();
    const firstEnd = said(first);
    const distilled = join(output, "distilled");
    const steps = () => readFileSync(join(distilled, "steps.jsonl"), "utf8").split("\n").length;
    await eventually(() => expect(steps()).toBeGreaterThan(3), { timeout: 60_000, interval: 20 });
    process.kill(-first.pid!, "SIGKILL");
    await firstEnd;
    expect(existsSync(join(distilled, "model"))).toBe(false);
    const pretrainedAt = statSync(join(output, "pretrained", "model", "model.safetensors")).mtimeMs;

    const again = await said(start());
    expect(again).toMatchObject({ code: 0 });
    expect(again.text).toContain(`is there: ${join(output, "pretrained", "model")}`);
    expect(again.text).toContain("going on from the checkpoint of step");
    expect(statSync(join(output, "pretrained", "model", "model.safetensors")).mtimeMs).toBe(pretrainedAt);

    const model = join(output, "model");
    expect(statSync(join(model, "model.safetensors")).size).toBeLessThan(8e6);
    await using weights = await openSafetensors(model);
    expect(weights.names().every((name) => weights.entry(name).dtype === "F16")).toBe(true);
    const { metrics } = JSON.parse(readFileSync(join(output, "retrieval.json"), "utf8")) as { metrics: object };
    expect(Object.keys(metrics)).toContain("mrr_at_10");
    await using encoder = await loadEncoder(model, { threads: 1 });
    const [vector] = await encoder.encode(["the layers of a stag"]);
    expect(Math.hypot(...vector!)).toBeCloseTo(1, 5);
  });
});
