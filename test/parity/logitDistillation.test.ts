/** @file A classifier that learns another one's logits: what it is told, in which order, and that it comes to say the same. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenPipeline } from "../../apps/server/src/training/pipelineRequest.ts";
import { failingPipelines } from "../harness/failingPipeline.ts";
import { copyModel, editJson, smallStudent } from "../harness/modelFolders.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { runTaughtJob, type TaughtJob } from "../harness/taughtJobs.ts";
import { toys } from "../harness/toyTasks.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-logits-"));
const student = smallStudent();
afterAll(() => {
  student[Symbol.dispose]();
  rmSync(scratch, { recursive: true, force: true });
});

type Row = { readonly text: string; readonly text_pair?: string; readonly label: string };

function write(name: string, rowOf: (row: Row) => Row): string {
  const path = join(scratch, name);
  const rows = Array.from({ length: 24 }, (_, number) => rowOf(toys["sequence-classification"].row(number) as Row));
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}
const plain = write("plain.jsonl", (row) => row);
/** Every label is wrong. */
const flipped = write("flipped.jsonl", (row) => ({ ...row, label: row.label === "yes" ? "no" : "yes" }));
const pairs = write("pairs.jsonl", (row) => ({ ...row, text_pair: "of the stag" }));
const others = write("others.jsonl", (row) => ({ ...row, label: `${row.label}!` }));

const train = (name: string, given: TaughtJob, openPipeline?: OpenPipeline) =>
  runTaughtJob(join(scratch, name), given, openPipeline === undefined ? {} : { openPipeline });

let teacher: string;
beforeAll(async () => {
  const trained = await train("teacher", {
    model: tinyEncoder,
    data: { path: plain },
    hyperparameters: { max_steps: 30 },
  });
  teacher = trained.model;
});

describe("distillation of logits", () => {
  test("a student that hears the teacher alone says what the teacher says, whatever the labels are; the card tells of it", async () => {
    const { metrics, steps, folder } = await train("alone", {
      model: student.folder,
      data: { path: flipped },
      teacher: { model: teacher },
      stages: 2,
      hyperparameters: { max_steps: 60, distillation_alpha: 1 },
    });
    expect(metrics["accuracy"]).toBe(0);
    expect(steps.at(-1)!.parts["teacher"]).toBeLessThan(0.05 * steps[0]!.parts["teacher"]!);
    expect(steps.at(-1)!.parts["labels"]).toBe(0);
    expect(readdirSync(join(folder, "teacher"))).toHaveLength(1);
    const card = readFileSync(join(folder, "model", "README.md"), "utf8");
    expect(card).toMatch(/\| distillation_temperature +\| 2 +\|/);
    expect(card).toMatch(/\| what is learned of it +\| logits +\|/);
  });

  test("a stage that is lost while the teacher is asked: the next pipeline is asked, and the bytes are the same", async () => {
    const { openPipeline, numCalls } = failingPipelines("evaluate", 1, "stage_lost");
    const given = { model: student.folder, data: { path: plain }, teacher: { model: teacher } };
    const [disturbed, quiet] = [await train("disturbed", given, openPipeline), await train("quiet", given)];
    expect(numCalls()).toBeGreaterThan(1);
    const bytesOf = ({ model }: typeof quiet) => readFileSync(join(model, "model.safetensors"));
    expect(bytesOf(disturbed).equals(bytesOf(quiet))).toBe(true);
  });

  test.each([
    ["texts", plain],
    ["pairs", pairs],
  ])(
    "a student that is its teacher learns nothing from %s: the same tokens, in the order of the examples",
    async (name, path) => {
      const own = await train(`own-${name}`, {
        model: teacher,
        data: { path },
        teacher: { model: teacher },
        hyperparameters: { distillation_alpha: 0.5, distillation_temperature: 3 },
      });
      expect(own.steps[0]!.parts["teacher"]).toBeLessThan(1e-6);
      expect(own.steps[0]!.loss).toBeCloseTo(own.steps[0]!.parts["labels"]!, 6);
    },
  );

  test("classes are told by their names: a teacher that has them in another order says the opposite with the same weights", async () => {
    using swapped = copyModel((folder) => {
      const names = { id2label: { 0: "yes", 1: "no" }, label2id: { yes: 0, no: 1 } };
      editJson(join(folder, "config.json"), names);
    }, teacher);
    const data = { path: plain };
    const { steps } = await train("swapped", { model: teacher, data, teacher: { model: swapped.folder } });
    expect(steps[0]!.parts["teacher"]).toBeGreaterThan(0.1);
  });

  test.each<[what: string, given: (teacher: string) => TaughtJob, message: RegExp]>([
    [
      "other labels",
      (model) => ({ data: { path: others }, teacher: { model } }),
      /teacher: expected the labels no!, yes!, got no, yes/,
    ],
    [
      "a teacher without a head",
      () => ({ data: { path: plain }, teacher: { model: tinyEncoder } }),
      /teacher: expected a classifier of one label per text, got a model without a head/,
    ],
    [
      "another task",
      (model) => ({ data: { path: plain }, task: "masked-lm", teacher: { model } }),
      /teacher: expected the task sentence-embedding, token-classification, sequence-classification of labels, of hidden states alone masked-lm and regression, got masked-lm/,
    ],
    [
      "what vectors have",
      (model) => ({ data: { path: plain }, teacher: { model, match: "similarities" } }),
      /teacher match: expected the task sentence-embedding/,
    ],
    [
      "a temperature without a teacher",
      () => ({ data: { path: plain }, hyperparameters: { distillation_temperature: 2 } }),
      /distillation temperature: it says nothing without a teacher of classes/,
    ],
  ])("%s: refused before the teacher is asked", async (_, given, message) => {
    await expect(train("refused", { model: tinyEncoder, ...given(teacher) })).rejects.toThrow(message);
  });
});
