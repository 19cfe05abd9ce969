/** @file Adapters that we have trained, in Python: peft puts them onto their base model, and transformers loads them merged. */
import { StageLanes } from "@stagecoach/parallel/node";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyEncoder } from "../harness/paths.ts";
import { runPython } from "../harness/python.ts";
import { serveHead, trainTinyModel } from "../harness/trainedModel.ts";

type Python = {
  readonly merged: readonly (readonly number[])[];
  readonly adapted: readonly (readonly number[])[];
  readonly beside: readonly (readonly number[])[];
  readonly base: string;
  readonly task: string;
  readonly rank: number;
};

const texts = ["the layers of a stag", "workers", "a cons in the workers in the layers"];
let folder: string;
let trained: string;
/** The same training, of which the adapter is the model. */
let unmerged: string;
let python: Python;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-lora-"));
  const hyperparameters = { lora_rank: 3, lora_alpha: 12, lora_targets: ["query", "value", "output.dense"] };
  trained = await trainTinyModel(join(folder, "adapted"), "sequence-classification", { numSteps: 20, hyperparameters });
  unmerged = await trainTinyModel(join(folder, "beside"), "sequence-classification", {
    numSteps: 20,
    hyperparameters: { ...hyperparameters, lora_merge: false },
  });
  python = await runPython<Python>("lora.py", { folder: trained, unmerged, base: tinyEncoder, labels: 2, texts });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const largest = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]) =>
  Math.max(...a.flatMap((row, index) => row.map((value, place) => Math.abs(value - b[index]![place]!))));

describe("adapters of a classifier", () => {
  test("peft reads what they belong to", () => {
    expect([python.base, python.task, python.rank]).toEqual([basename(tinyEncoder), "SEQ_CLS", 3]);
  });

  test("on the base model in peft they give what the merged model gives in transformers, to 1e-5", () => {
    expect(largest(python.adapted, python.merged)).toBeLessThan(1e-5);
  });

  test("transformers gives our logits of the merged model, to 1e-5", async () => {
    const ours = await serveHead(trained, texts);
    expect(
      largest(
        ours.map(({ outputs }) => outputs["logits"]!),
        python.merged,
      ),
    ).toBeLessThan(1e-5);
  });

  test("one that was not merged gives peft the same logits, and us peft's, beside its base as merged", async () => {
    expect(largest(python.beside, python.merged)).toBeLessThan(1e-5);
    const ofMerged = await serveHead(unmerged, texts);
    expect(
      largest(
        ofMerged.map(({ outputs }) => outputs["logits"]!),
        python.beside,
      ),
    ).toBeLessThan(1e-5);
    expect(largest(await logitsBeside(unmerged, texts), python.beside)).toBeLessThan(1e-5);
  });
});

/** Logits of each text by lanes that have loaded the adapter beside its base. */
async function logitsBeside(adapter: string, inputs: readonly string[]): Promise<number[][]> {
  const of = { engine: "onnxruntime", threads: 1 } as const;
  const lanes = new StageLanes(of);
  try {
    await lanes.load({ folder: tinyEncoder, ...of });
    await lanes.loadBeside({ model: 1, folder: adapter, ...of });
    const tokenizer = await loadTokenizer(adapter);
    const logits: number[][] = [];
    for (const input of inputs) {
      const { ids, typeIds } = tokenizer.encodeIds(input);
      const batch = {
        inputIds: Int32Array.from(ids),
        tokenTypeIds: Int32Array.from(typeIds),
        lengths: Int32Array.of(ids.length),
      };
      logits.push([...(await lanes.run(batch, "textScores", 1)).data]);
    }
    return logits;
  } finally {
    await lanes.stop();
  }
}
