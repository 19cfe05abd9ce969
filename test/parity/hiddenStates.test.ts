/** @file A student that learns hidden states: of the layers and tokens that are meant, with the same bytes in any number of stages, halted or not. */
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { openSafetensors } from "@stagecoach/transformer/node";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { workerPipelines } from "../../apps/server/src/training/openTrainingPipeline.ts";
import { failingPipelines } from "../harness/failingPipeline.ts";
import { copyModel, editJson, smallStudent } from "../harness/modelFolders.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { runTaughtJob, type TaughtJob, type TaughtJobOptions } from "../harness/taughtJobs.ts";
import { writeToy, writeToyPairs, type ToyName } from "../harness/toyTasks.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-states-"));
const student = smallStudent();
/** As many layers as its teacher has, at half its width. */
const deep = copyModel((folder) => editJson(join(folder, "config.json"), { num_hidden_layers: 4 }), student.folder);
afterAll(() => {
  for (const each of [student, deep]) each[Symbol.dispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const train = (name: string, given: TaughtJob, options?: TaughtJobOptions) =>
  runTaughtJob(join(scratch, name), given, options);
const weightsOf = ({ model }: { readonly model: string }) => readFileSync(join(model, "model.safetensors"));
const data = (name: string) => ({ path: join(scratch, `${name}.jsonl`) });
const toys = ["regression", "masked-lm", "next-sentence"] as const satisfies readonly ToyName[];

beforeAll(() => {
  for (const name of toys) writeToy(data(name).path, name, 24);
  writeToyPairs(data("pairs").path, 24);
});

const teacher = { model: tinyEncoder };
/** A loss within each text, one of masked tokens, and one that compares the texts of a whole step. */
const tasks = {
  regression: { data: data("regression"), model: deep.folder },
  "masked-lm": { data: data("masked-lm"), model: deep.folder, task: "masked-lm" },
  pairs: { data: data("pairs"), model: deep.folder, task: "sentence-embedding" },
} as const satisfies Record<string, TaughtJob>;
const mse = { distillation_hidden: "mse" } as const;

describe("hidden states", () => {
  test.each([
    ["regression", [1, 2, 4]],
    ["masked-lm", [1, 4]],
    ["pairs", [1, 3]],
  ] as const)("%s: %j stages give the same bytes, dropout included", async (name, numbers) => {
    const hyperparameters = { ...mse, max_steps: 2, dropout: 0.2, distillation_hidden_weight: 0.5 };
    const runs = [];
    for (const stages of numbers)
      runs.push(await train(`${name}-${stages}`, { ...tasks[name], teacher, stages, hyperparameters }));
    const [one, ...others] = runs as [(typeof runs)[0], ...typeof runs];
    for (const other of others) {
      expect(other.steps.map(({ loss }) => loss)).toEqual(one.steps.map(({ loss }) => loss));
      expect(weightsOf(other).equals(weightsOf(one))).toBe(true);
    }
    const { loss, parts } = one.steps[0]!;
    expect(parts["hidden"]).toBeGreaterThan(0);
    expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBeCloseTo(loss, 4);
  });

  test("in workers: the teacher's states and the student's loss pass from stage to stage, and give the bytes of one process", async () => {
    const job = { ...tasks.pairs, teacher, hyperparameters: { ...mse, max_steps: 2 } };
    const openPipeline = workerPipelines({ log: pino({ level: "silent" }) });
    const [apart, alone] = [
      await train("workers", { ...job, stages: 2 }, { openPipeline }),
      await train("alone", { ...job, stages: 1 }),
    ];
    expect(apart.steps.map(({ parts }) => parts)).toEqual(alone.steps.map(({ parts }) => parts));
    expect(weightsOf(apart).equals(weightsOf(alone))).toBe(true);
  });

  test("beside adapters: projections learn too, and the base's weights stay", async () => {
    const adapters = { lora_rank: 2, lora_merge: false, learning_rate: 1e-2, max_steps: 20 };
    const base = await train("base", { data: data("regression"), model: student.folder });
    const job = { data: data("regression"), model: base.model, teacher };
    const { steps, model } = await train("adapters", { ...job, hyperparameters: { ...mse, ...adapters } });
    expect(steps.at(-1)!.parts["hidden"]).toBeLessThan(0.9 * steps[0]!.parts["hidden"]!);
    expect(readdirSync(model)).not.toContain("model.safetensors");
  });

  test("a run that goes on in another number of stages does not ask again, and ends with the bytes of one that nobody stopped", async () => {
    const job = { ...tasks.regression, teacher };
    const hyperparameters = { ...mse, max_steps: 6, checkpoint_steps: 2 };
    const whole = await train("whole", { ...job, stages: 4, hyperparameters });
    const halted = await train("halted", { ...job, stages: 4, hyperparameters }, { pauseAfter: 3 });
    const kept = () => {
      const folder = join(halted.folder, "teacher");
      return readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mtimeMs]);
    };
    const before = kept();
    expect(before).toHaveLength(1);
    const ended = await train("halted", { ...job, stages: 1, hyperparameters });
    expect(kept()).toEqual(before);
    expect(weightsOf(ended).equals(weightsOf(whole))).toBe(true);
  });

  test("the student's come near the teacher's; what helped is not in the model, and the card tells of it", async () => {
    const job = { data: data("regression"), model: student.folder, teacher, stages: 2 };
    const { steps, model } = await train("near", { ...job, hyperparameters: { ...mse, max_steps: 40 } });
    expect(steps.at(-1)!.parts["hidden"]).toBeLessThan(0.5 * steps[0]!.parts["hidden"]!);
    await using weights = await openSafetensors(model);
    expect(weights.names().filter((name) => name.includes("distillation"))).toEqual([]);
    const card = readFileSync(join(model, "README.md"), "utf8");
    expect(card).toMatch(/\| what is learned of it +\| hidden states +\|/);
    expect(card).toContain(String.raw`| distillation_layers | \["0:0","1:2","2:4"\] |`);
    const files = readdirSync(join(model, "..", "teacher"));
    // 24 texts; three states of 32 values, two bytes each.
    const numTokens = await tokensOf(data("regression").path);
    expect(statSync(join(model, "..", "teacher", files[0]!)).size).toBe(numTokens * 3 * 32 * 2);
  });

  test.each([
    ["mse", 1e-5],
    ["cosine", 1e-5],
  ] as const)(
    "a student that is its teacher has nothing to learn by %s: the same layers of the same tokens, of pairs of texts too",
    async (loss, most) => {
      const job = { data: data("pairs"), task: "sentence-embedding", model: tinyEncoder, teacher } as const;
      const { steps } = await train(`own-${loss}`, { ...job, hyperparameters: { distillation_hidden: loss } });
      expect(steps[0]!.parts["hidden"]).toBeLessThan(most);
    },
  );

  test("other layers than the own are something to learn, and of masked tokens nothing is compared", async () => {
    const job = { ...tasks["masked-lm"], model: tinyEncoder, teacher };
    const other = await train("shifted", { ...job, hyperparameters: { ...mse, distillation_layers: ["2:4"] } });
    expect(other.steps[0]!.parts["hidden"]).toBeGreaterThan(0.1);
    // What the embeddings give of a token that is shown does not depend on those that are masked.
    const shown = await train("shown", { ...job, hyperparameters: { ...mse, distillation_layers: ["0:0"] } });
    expect(shown.steps[0]!.parts["hidden"]).toBeLessThan(1e-5);
  });

  test("a stage that is lost while the teacher is asked: the next pipeline is asked, and the bytes are the same", async () => {
    const { openPipeline, numCalls } = failingPipelines("evaluate", 1, "stage_lost");
    const job = { data: data("regression"), model: student.folder, teacher, hyperparameters: mse };
    const [disturbed, quiet] = [await train("disturbed", job, { openPipeline }), await train("quiet", job)];
    expect(numCalls()).toBeGreaterThan(1);
    expect(weightsOf(disturbed).equals(weightsOf(quiet))).toBe(true);
  });
});

describe("hidden states that are refused before the teacher is asked", () => {
  const job = { data: data("regression"), model: student.folder, teacher };
  test.each<[what: string, given: TaughtJob, message: RegExp]>([
    [
      "cosines of states of another width",
      { ...job, hyperparameters: { distillation_hidden: "cosine" } },
      /distillation hidden: expected a teacher of the student's width 16 for cosines, got 32 \(mse has a projection\)/,
    ],
    [
      "a layer that the teacher does not have",
      { ...job, hyperparameters: { ...mse, distillation_layers: ["2:5"] } },
      /distillation layers: expected numbers from 0 \(the embeddings\) to 2 of the student and to 4 of the teacher, got 2:5/,
    ],
    [
      "a layer twice",
      { ...job, hyperparameters: { ...mse, distillation_layers: ["1:1", "1:2"] } },
      /distillation layers: expected each of the student's once, got 1 twice/,
    ],
    [
      "more than is to be kept",
      { ...job, hyperparameters: { ...mse, distillation_cache_gb: 1e-5 } },
      /distillation hidden: expected at most 0.00001 GB of hidden states, got \d+\.\d kB for \d+ tokens with 96 values each \(name fewer/,
    ],
    [
      "no teacher",
      { data: job.data, model: student.folder, hyperparameters: mse },
      /distillation hidden: it says nothing without a teacher/,
    ],
    [
      "layers without a loss",
      { ...job, data: data("pairs"), task: "sentence-embedding", hyperparameters: { distillation_layers: ["0:0"] } },
      /distillation layers: it says nothing without distillation hidden \(leave it out, or say mse or cosine\)/,
    ],
    [
      "a task that learns none",
      { ...job, data: data("next-sentence"), task: "next-sentence", hyperparameters: mse },
      /teacher: expected the task sentence-embedding, token-classification, sequence-classification, masked-lm, got next-sentence/,
    ],
    [
      "a frozen encoder",
      { ...job, hyperparameters: { ...mse, cache_features: true, freeze: ["base_model"] } },
      /distillation hidden: expected an encoder that is trained, got cache features/,
    ],
  ])("%s", async (_, given, message) => {
    await expect(train("refused", given)).rejects.toThrow(message);
  });

  test("a teacher with fewer positions than the longest text has tokens", async () => {
    using short = copyModel((folder) => editJson(join(folder, "config.json"), { max_position_embeddings: 4 }));
    const given = { ...job, teacher: { model: short.folder }, hyperparameters: mse };
    await expect(train("refused", given)).rejects.toThrow(/teacher: expected one with positions for \d+ tokens, got 4/);
  });
});

/** As the tiny encoder's tokenizer counts them. */
async function tokensOf(path: string): Promise<number> {
  const tokenizer = await loadTokenizer(tinyEncoder);
  const texts = readFileSync(path, "utf8").trim().split("\n");
  const lengths = texts.map(
    (row) => tokenizer.encodeIds((JSON.parse(row) as { readonly text: string }).text).ids.length,
  );
  return lengths.reduce((sum, length) => sum + length, 0);
}
