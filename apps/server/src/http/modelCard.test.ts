import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FineTunedCards } from "./modelCard.ts";

const abilities = {
  task: null,
  routes: [],
  labels: [],
  problem_type: null,
  mask_token: null,
  prompts: {},
  default_prompt_name: null,
  dimensions: 3,
  max_input_length: 8,
};

/** All of these say something of what a model can be asked. */
const files = ["config.json", "model.safetensors", "modules.json", "tokenizer.json", "1_Pooling/config.json"];

let folder: string;
let numReads: number;
let cards: FineTunedCards;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-cards-"));
  mkdirSync(join(folder, "1_Pooling"));
  for (const name of files) writeFileSync(join(folder, name), "{}");
  numReads = 0;
  const read = () => {
    numReads++;
    return Promise.resolve(abilities);
  };
  cards = new FineTunedCards(pino({ enabled: false }), read);
});
afterEach(() => rmSync(folder, { recursive: true }));

const model = () => ({ id: "ft:a", base: "b", task: "", folder, createdAt: 1, jobId: "ftjob-a" });

describe("FineTunedCards", () => {
  test("reads a folder once, as long as its files are what they were", async () => {
    const first = await cards.ofAll([model()]);
    expect(first[0]).toMatchObject({ id: "ft:a", created: 1, stagecoach: { dimensions: 3 } });
    expect(await cards.ofAll([model()])).toEqual(first);
    expect(await cards.of(model())).toEqual(first[0]);
    expect(numReads).toBe(1);
  });

  test.each(files)("reads it again when its %s is another", async (name) => {
    await cards.of(model());
    utimesSync(join(folder, name), 5, 5);
    await cards.of(model());
    expect(numReads).toBe(2);
  });

  test("reads a folder without weights of its own every time: an adapter's base may have gone", async () => {
    rmSync(join(folder, "model.safetensors"));
    for (const name of ["adapter_config.json", "adapter_model.safetensors"]) writeFileSync(join(folder, name), "{}");
    await cards.of(model());
    await cards.of(model());
    expect(numReads).toBe(2);
  });

  test("forgets a model that is listed no longer", async () => {
    await cards.of(model());
    expect(await cards.ofAll([])).toEqual([]);
    await cards.of(model());
    expect(numReads).toBe(2);
  });
});
