/** @file Teachers of several labels per text, and of tokens' classes: what is asked of them, in which order, and of whom it is not. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyModel, editJson, smallStudent } from "../harness/modelFolders.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { runTaughtJob, type TaughtJob, type TaughtJobOptions } from "../harness/taughtJobs.ts";
import { writeToy } from "../harness/toyTasks.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-labels-"));
const student = smallStudent();
afterAll(() => {
  student[Symbol.dispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const train = (name: string, given: TaughtJob, options?: TaughtJobOptions) =>
  runTaughtJob(join(scratch, name), given, options);
const data = (name: "multi-label" | "token-classification") => ({ path: join(scratch, `${name}.jsonl`) });
const weightsOf = ({ model }: { readonly model: string }) => readFileSync(join(model, "model.safetensors"));

const teachers: Record<string, string> = {};
beforeAll(async () => {
  for (const name of ["multi-label", "token-classification"] as const) {
    writeToy(data(name).path, name, 24);
    const trained = await train(`teacher-${name}`, {
      model: tinyEncoder,
      data: data(name),
      hyperparameters: { max_steps: 8 },
    });
    teachers[name] = trained.model;
  }
});

describe.each(["multi-label", "token-classification"] as const)("a teacher: %s", (name) => {
  test("its own copy is told nothing new: the gradient of what it says is 0, whatever the temperature is", async () => {
    const teacher = { model: teachers[name]! };
    const { steps } = await train(`own-${name}`, {
      model: teachers[name]!,
      data: data(name),
      teacher,
      hyperparameters: { distillation_alpha: 1, distillation_temperature: 3, classifier_dropout: 0 },
    });
    expect(steps[0]!.parts["labels"]).toBe(0);
    expect(steps[0]!.gradientNorm).toBeLessThan(1e-5);
  });

  test("a student comes to say what it says; in 1 and 2 stages, halted or not, with the same bytes", async () => {
    const given = { model: student.folder, data: data(name), teacher: { model: teachers[name]! } };
    const job = (stages: number): TaughtJob => ({
      ...given,
      stages,
      hyperparameters: { max_steps: 12, distillation_alpha: 1 },
    });
    const whole = await train(`whole-${name}`, job(1));
    const [first, last] = [whole.steps[0]!, whole.steps.at(-1)!];
    expect(last.parts["teacher"]).toBeLessThan(first.parts["teacher"]!);
    await train(`halted-${name}`, job(2), { pauseAfter: 5 });
    expect(weightsOf(await train(`halted-${name}`, job(1))).equals(weightsOf(whole))).toBe(true);
  });

  test("labels are told by their names: with two of them exchanged it says something else", async () => {
    using swapped = copyModel((folder) => {
      const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as {
        readonly id2label: Readonly<Record<string, string>>;
      };
      const [a, b, ...others] = Object.values(config.id2label);
      const labels = [b!, a!, ...others];
      editJson(join(folder, "config.json"), {
        id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
        label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
      });
    }, teachers[name]);
    const { steps } = await train(`swapped-${name}`, {
      model: teachers[name]!,
      data: data(name),
      teacher: { model: swapped.folder },
      hyperparameters: { distillation_alpha: 1, classifier_dropout: 0 },
    });
    expect(steps[0]!.gradientNorm).toBeGreaterThan(0.01);
  });
});

describe("a teacher that is refused before it is asked", () => {
  test("of tokens: one with another tokenizer", async () => {
    using other = copyModel((folder) => {
      const path = join(folder, "tokenizer.json");
      writeSwapped(path);
    }, teachers["token-classification"]);
    const given = { model: student.folder, data: data("token-classification"), teacher: { model: other.folder } };
    await expect(train("other-tokens", given)).rejects.toThrow(
      /teacher: expected the student's tokenizer, since its logits are those of tokens, got "\w+" for the id \d+, which is "\w+" of the student/,
    );
  });

  test.each([
    ["token-classification", "multi-label", /teacher: expected a token-classification model, got multi_label/],
    ["multi-label", "token-classification", /expected a classifier of any number of labels per text, got token-class/],
  ] as const)("of another task: %s by %s", async (name, other, message) => {
    const given = { model: student.folder, data: data(name), teacher: { model: teachers[other]! } };
    await expect(train("other-task", given)).rejects.toThrow(message);
  });
});

/** Two tokens of the vocabulary change places. */
function writeSwapped(path: string): void {
  const tokenizer = JSON.parse(readFileSync(path, "utf8")) as { readonly model: { vocab: Record<string, number> } };
  const words = Object.entries(tokenizer.model.vocab).filter(([word]) => /^[a-z]{3,}$/.test(word));
  const [[one, a], [other, b]] = words as [[string, number], [string, number]];
  const vocab = { ...tokenizer.model.vocab, [one]: b, [other]: a };
  editJson(path, { model: { ...tokenizer.model, vocab } });
}
