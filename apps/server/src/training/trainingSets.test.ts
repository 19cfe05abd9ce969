/** @file The sets of a job: shares of one file, or files of their own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExampleSet } from "@stagecoach/training/node";
import { afterAll, describe, expect, test } from "vitest";
import { prepareData } from "./prepareData.ts";
import { trainingSettingsSchema, type TrainingSettingsInput } from "./trainingSettings.ts";

const tinyEncoder = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const folder = mkdtempSync(join(tmpdir(), "stagecoach-sets-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, labels: readonly string[]): { path: string; name: string } {
  const path = join(folder, name);
  writeFileSync(path, labels.map((label) => `${JSON.stringify({ text: "the layers", label })}\n`).join(""));
  return { path, name };
}

const all = write(
  "all.jsonl",
  Array.from({ length: 100 }, (_, row) => "aaab"[row % 4]!),
);

async function setsOf(settings: Omit<TrainingSettingsInput, "data">): Promise<Record<"train" | "dev" | "test", Set>> {
  const parsed = trainingSettingsSchema.parse({ model: tinyEncoder, data: all, ...settings });
  const data = await prepareData(tinyEncoder, parsed, { folder, onProgress: () => {} });
  const sets = { train: setOf(data.train), dev: setOf(data.validation), test: setOf(data.test) };
  data.close();
  return sets;
}

type Set = { readonly examples: readonly number[]; readonly numB: number };

function setOf(set: ExampleSet | undefined): Set {
  const examples = set === undefined ? [] : Array.from(set.examples);
  return { examples, numB: examples.filter((example) => set!.encoded.store.get(example).target[0] === 1).length };
}

const shares = { validation_split: 0.2, test_split: 0.2 };

describe("prepareData()", () => {
  test("each example is in one of three sets, which have the same share of each class", async () => {
    const { train, dev, test: tested } = await setsOf({ hyperparameters: shares });
    const together = [...train.examples, ...dev.examples, ...tested.examples].toSorted((a, b) => a - b);
    expect(together).toEqual(Array.from({ length: 100 }, (_, example) => example));
    expect([train, dev, tested].map(({ examples, numB }) => [examples.length, numB])).toEqual([
      [60, 15],
      [20, 5],
      [20, 5],
    ]);
  });

  test("the seed decides which they are", async () => {
    const of = (seed: number) => setsOf({ seed, hyperparameters: shares });
    expect(await of(1)).toEqual(await of(1));
    expect((await of(2)).test.examples).not.toEqual((await of(1)).test.examples);
  });

  test("a file to test on is one set, and nothing is set aside for it", async () => {
    const own = write("test.jsonl", ["b", "b", "a"]);
    const { train, dev, test: tested } = await setsOf({ test_data: own, hyperparameters: { validation_split: 0.2 } });
    expect([train.examples.length, dev.examples.length, tested]).toEqual([80, 20, { examples: [0, 1, 2], numB: 2 }]);
  });

  test("a label of that file that training does not have is an error", async () => {
    const own = write("other.jsonl", ["a", "c"]);
    await expect(setsOf({ test_data: own })).rejects.toMatchObject({
      code: "data_label",
      file: "other.jsonl",
      line: 2,
    });
  });

  test("a share and a file to test on are refused together", async () => {
    await expect(setsOf({ test_data: all, hyperparameters: { test_split: 0.2 } })).rejects.toThrow(
      "test split: expected this or a file to test on, got both",
    );
  });
});
