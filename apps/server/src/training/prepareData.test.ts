/** @file How long the texts of a job may be: the same whether its task was given or guessed, so that it can go on from where it was. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prepareData } from "./prepareData.ts";
import { trainingSettingsSchema, type TrainingSettingsInput } from "./trainingSettings.ts";

const tinyEncoder = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");

describe("prepareData()", () => {
  let scratch: string;
  /** The tiny encoder with positions for longer texts; its weights are not read here. */
  let longEncoder: string;
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "stagecoach-data-"));
    longEncoder = join(scratch, "long-encoder");
    mkdirSync(longEncoder);
    cpSync(join(tinyEncoder, "tokenizer.json"), join(longEncoder, "tokenizer.json"));
    const sizes = { max_position_embeddings: 600, model_max_length: 600 };
    for (const name of ["config.json", "tokenizer_config.json"]) {
      const config = JSON.parse(readFileSync(join(tinyEncoder, name), "utf8")) as object;
      writeFileSync(join(longEncoder, name), JSON.stringify({ ...config, ...sizes }));
    }
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** Ten rows with more words than any model here has positions for. */
  function write(row: object): string {
    const path = join(scratch, `${Object.keys(row).join("-")}.jsonl`);
    writeFileSync(path, `${JSON.stringify(row)}\n`.repeat(10));
    return path;
  }
  const long = "the ".repeat(700).trim();
  const questions = () => write({ context: long, question: "what", answers: { text: ["the"], answer_start: [0] } });

  async function lengthsOf(folder: string, path: string, settings: Omit<TrainingSettingsInput, "data"> = {}) {
    const given = trainingSettingsSchema.parse({ ...settings, model: folder, data: { path } });
    const data = await prepareData(folder, given, { folder: scratch, onProgress: () => {} });
    const { maxLength, report } = data.train.encoded;
    data.close();
    return { maxLength, longest: report.longest };
  }

  test("a question answerer's windows are as long when its task is guessed as when it is known", async () => {
    const guessed = await lengthsOf(longEncoder, questions());
    expect(guessed).toEqual({ maxLength: 384, longest: 384 });
    expect(await lengthsOf(longEncoder, questions(), { task: "question-answering" })).toEqual(guessed);
  });

  test.each([
    ["next-sentence", 128],
    ["pretraining", 128],
    ["masked-lm", 512],
  ] as const)("%s has %i tokens by default", async (task, maxLength) => {
    const documents = write({ paragraphs: ["the layers", "the stag"] });
    expect(await lengthsOf(longEncoder, documents, { task })).toMatchObject({ maxLength });
  });

  test("what the model takes bounds the default, and what is given is taken", async () => {
    expect(await lengthsOf(tinyEncoder, questions())).toMatchObject({ maxLength: 64 });
    const hyperparameters = { max_length: 200 };
    expect(await lengthsOf(longEncoder, questions(), { hyperparameters })).toMatchObject({ maxLength: 200 });
  });
});
