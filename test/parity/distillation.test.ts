/** @file A student that learns a teacher's vectors: it comes near them in fewer dimensions, and a run that goes on does not ask again. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEncoder } from "stagecoach";
import { packagedModelFolder } from "@stagecoach/transformer/node";
import { afterAll, describe, expect, test } from "vitest";
import { runTrainingJob, type JobEvent } from "../../apps/server/src/training/runJob.ts";
import { trainingSettingsSchema } from "../../apps/server/src/training/trainingSettings.ts";
import { copyModel, smallStudent } from "../harness/modelFolders.ts";
import { openLocalPipeline } from "../harness/openLocalPipeline.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { toys } from "../harness/toyTasks.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-distilled-"));
const student = smallStudent();
afterAll(() => {
  student[Symbol.dispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const texts = Array.from({ length: 24 }, (_, number) => toys["masked-lm"].row(number).text);
const data = join(scratch, "texts.jsonl");
writeFileSync(data, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));

type Options = {
  /** Texts; all of them, when left out. */
  readonly from?: string;
  readonly teacher?: string;
  readonly model?: string;
  readonly match?: "vectors" | "similarities";
  readonly steps: number;
  /** Stop after this step. */
  readonly pauseAfter?: number;
};

async function distill(folder: string, options: Options) {
  const { match, steps, pauseAfter, from = data, model = student.folder, teacher = tinyEncoder } = options;
  const stopping = new AbortController();
  const events: JobEvent[] = [];
  const settings = trainingSettingsSchema.parse({
    model,
    task: "sentence-embedding",
    data: { path: from },
    evaluation_data: { path: from },
    teacher: { model: teacher, match },
    stages: 2,
    threads: 1,
    hyperparameters: {
      max_steps: steps,
      batch_size: from === data ? 24 : 8,
      learning_rate: 5e-3,
      warmup_steps: 0,
      eval_steps: 10,
    },
  });
  const onEvent = (event: JobEvent) => {
    events.push(event);
    if (event.type === "step" && event.step === pauseAfter) stopping.abort("pause");
  };
  const { signal } = stopping;
  const result = await runTrainingJob(settings, { folder, openPipeline: openLocalPipeline, onEvent, signal });
  const metrics = events.flatMap((event) => (event.type === "evaluation" ? [event.evaluation.metrics] : []));
  const losses = events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
  return { result, events, metrics, losses };
}

describe("distillation", () => {
  test("of vectors: the student's come near the teacher's in its own number of dimensions, and are served with unit length", async () => {
    const folder = join(scratch, "vectors");
    const { metrics } = await distill(folder, { steps: 60 });
    expect(metrics.at(-1)!["teacher_cosine"]).toBeGreaterThan(0.95);
    // Both vectors have unit length, the teacher's in fewer dimensions too.
    expect(metrics.at(-1)!["loss"]).toBeCloseTo(2 - 2 * metrics.at(-1)!["teacher_cosine"]!, 5);
    await using encoder = await loadEncoder(join(folder, "model"), { threads: 1 });
    await using teacher = await loadEncoder(tinyEncoder, { threads: 1 });
    const [own, theirs] = [await encoder.encode(texts), await teacher.encode(texts)];
    expect(encoder.dimensions).toBe(16);
    own.forEach((vector) => expect(Math.hypot(...vector)).toBeCloseTo(1, 5));
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, place) => sum + value * b[place]!, 0);
    const differences = own
      .slice(1)
      .map((vector, text) => Math.abs(dot(own[0]!, vector) - dot(theirs[0]!, theirs[text + 1]!)));
    expect(Math.max(...differences)).toBeLessThan(0.2);
    const card = readFileSync(join(folder, "model", "README.md"), "utf8");
    expect(card).toMatch(/\| teacher \| tiny-encoder \|/);
  });

  test("a second run, on other texts, goes on in the directions of the first: what is right stays so", async () => {
    const [some, others] = ["the worker joins", "the layers leave"].map((half, number) => {
      const path = join(scratch, `half-${number}.jsonl`);
      const ends = ["a ship", "the bank", "red soup", "old music", "a dog", "the law", "cold rain", "a garden"];
      writeFileSync(
        path,
        ends.map((end) => JSON.stringify({ text: number === 0 ? `${half} ${end}` : `${end} ${half}` })).join("\n"),
      );
      return path;
    }) as [string, string];
    const both = join(scratch, "both.jsonl");
    writeFileSync(both, [some, others].map((path) => readFileSync(path, "utf8")).join("\n"));
    // Vectors of real texts point in many directions.
    const teacher = packagedModelFolder;
    const first = join(scratch, "first");
    const { losses } = await distill(first, { steps: 120, from: both, teacher });
    const model = join(first, "model");
    const again = await distill(join(scratch, "second"), { steps: 1, from: some, model, teacher });
    expect(again.losses[0]).toBeLessThan(losses[0]! / 10);
    // The third has the file from the second.
    const third = await distill(join(scratch, "third"), {
      steps: 1,
      from: others,
      teacher,
      model: join(scratch, "second", "model"),
    });
    expect(third.losses[0]).toBeLessThan(losses[0]! / 5);
    using forgetful = copyModel((folder) => rmSync(join(folder, "teacher_basis.safetensors")), model);
    const anew = await distill(join(scratch, "anew"), { steps: 1, from: some, model: forgetful.folder, teacher });
    expect(anew.losses[0]).toBeGreaterThan(5 * again.losses[0]!);
  });

  test("of similarities: texts become as near to each other as the teacher says", async () => {
    const { metrics } = await distill(join(scratch, "similarities"), { match: "similarities", steps: 60 });
    expect(metrics.at(-1)!["teacher_spearman"]).toBeGreaterThan(0.9);
    expect(metrics.at(-1)).not.toHaveProperty("teacher_cosine");
  });

  test("a run that goes on does not ask the teacher again, and ends with the bytes of one that nobody stopped", async () => {
    const [whole, halted] = [join(scratch, "whole"), join(scratch, "halted")];
    await distill(whole, { steps: 20 });
    const kept = () =>
      readdirSync(join(halted, "teacher")).map((name) => [name, statSync(join(halted, "teacher", name)).mtimeMs]);
    const { result } = await distill(halted, { steps: 20, pauseAfter: 10 });
    expect(result).toMatchObject({ status: "stopped", step: 10 });
    const before = kept();
    expect(before).toHaveLength(1);
    await distill(halted, { steps: 20 });
    expect(kept()).toEqual(before);
    const weights = (folder: string) => readFileSync(join(folder, "model", "model.safetensors"));
    expect(weights(halted).equals(weights(whole))).toBe(true);
  });
});
