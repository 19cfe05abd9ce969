/**
 * @file What `stagecoach models export` writes, in Python's onnxruntime: valid by onnx's own checker, and the golden values of every
 * family, whichever side a batch is padded on.
 */
import { openSafetensors } from "@stagecoach/transformer/node";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, TOLERANCE } from "../harness/goldenSentences.ts";
import { fixtures, tinyEncoder } from "../harness/paths.ts";
import { runPython } from "../harness/python.ts";
import { stagecoach } from "../harness/startServer.ts";

type Batch = Readonly<Record<string, readonly (readonly number[])[]>>;
type Run = {
  readonly inputs: readonly { readonly name: string; readonly type: string; readonly shape: readonly unknown[] }[];
  readonly outputs: readonly { readonly sentence_embedding: number[][]; readonly last_hidden_state: number[][] }[];
  readonly opsets: Readonly<Record<string, number>>;
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-onnx-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Each row moved so that its real tokens stand at the end. */
function leftPadded(batch: Batch): Batch {
  const lengths = batch["attention_mask"]!.map((row) => row.reduce((a, b) => a + b, 0));
  const moved = Object.entries(batch).map(([name, rows]) => {
    const turned = rows.map((row, index) => [...row.slice(lengths[index]), ...row.slice(0, lengths[index])]);
    return [name, turned] as const;
  });
  return Object.fromEntries(moved);
}

async function exportAndRun(model: string, batches: readonly Batch[]): Promise<Run> {
  const path = join(folder, `${model.split("/").at(-1)}.onnx`);
  const { code, stderr } = await stagecoach([
    "models",
    "export",
    "--model",
    model,
    "--format",
    "onnx",
    "--output",
    path,
  ]);
  if (code !== 0) throw new Error(stderr);
  return runPython<Run>("onnx_run.py", { path, batches });
}

describe("the tiny sentence encoder", () => {
  test("gives sentence-transformers' vectors, on batches padded right and left, and one text at a time", async () => {
    const L = Math.max(...golden.token_ids.map(({ length }) => length));
    const pad = (row: readonly number[]) => [...row, ...Array<number>(L - row.length).fill(0)];
    const batch: Batch = {
      input_ids: golden.token_ids.map(pad),
      attention_mask: golden.token_ids.map((ids) => pad(ids.map(() => 1))),
      token_type_ids: golden.token_ids.map(() => pad([])),
    };
    const alone = golden.token_ids.map((ids): Batch => {
      return { input_ids: [ids], attention_mask: [ids.map(() => 1)], token_type_ids: [ids.map(() => 0)] };
    });
    const { outputs, inputs, opsets } = await exportAndRun(tinyEncoder, [batch, leftPadded(batch), ...alone]);
    const [right, left, ...single] = outputs.map(({ sentence_embedding }) => sentence_embedding);
    for (const vectors of [right!, left!, single.flat()]) {
      expect(vectors.length).toBe(golden.texts.length);
      const errors = vectors.map((vector, index) => largestError(vector, golden.embeddings[index]!));
      expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
    }
    expect(inputs.map(({ name, type, shape }) => [name, type, shape])).toEqual(
      ["input_ids", "attention_mask", "token_type_ids"].map((name) => [name, "tensor(int64)", ["batch", "sequence"]]),
    );
    expect(opsets[""]).toBeGreaterThanOrEqual(17);
  });
});

describe("encoders of every family", () => {
  const names = readdirSync(`${fixtures}encoders`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "mpnet")
    .map(({ name }) => name);

  test("are all that there are, but for MPNet, whose relative positions are no input of the file", () => {
    expect(names.length).toBeGreaterThanOrEqual(9);
  });

  test.each(names)("%s: hidden states and mean are PyTorch's, padded right and left", async (name) => {
    const model = `${fixtures}encoders/${name}`;
    await using expected = await openSafetensors(`${model}/golden.safetensors`);
    const [B, L] = expected.entry("input.input_ids").shape as [number, number];
    const [, , D] = expected.entry("output.last_hidden_state").shape as [number, number, number];
    const matrix = async (input: string) => {
      const values = await expected.readInt32(`input.${input}`);
      return Array.from({ length: B }, (_, row) => [...values.subarray(row * L, (row + 1) * L)]);
    };
    const given = ["input_ids", "attention_mask", "token_type_ids"].filter((input) => expected.has(`input.${input}`));
    const batch: Batch = Object.fromEntries(
      await Promise.all(given.map(async (input) => [input, await matrix(input)] as const)),
    );
    const hidden = await expected.readFloat32("output.last_hidden_state");
    const mean = await expected.readFloat32("pooled.mean");
    const packed = batch["attention_mask"]!.flatMap((row, text) =>
      row.flatMap((isReal, place) => {
        const at = (text * L + place) * D;
        return isReal === 1 ? [[...hidden.subarray(at, at + D)]] : [];
      }),
    );
    // Real tokens may have padding before them in a golden batch: only one that is padded right can be turned.
    const isRight = batch["attention_mask"]!.every((row) => !row.join("").includes("01"));
    const { outputs } = await exportAndRun(model, [batch, isRight ? leftPadded(batch) : batch]);
    for (const { last_hidden_state, sentence_embedding } of outputs) {
      expect(last_hidden_state.length).toBe(packed.length);
      expect(largestError(last_hidden_state.flat(), packed.flat())).toBeLessThan(TOLERANCE);
      expect(largestError(sentence_embedding.flat(), [...mean])).toBeLessThan(TOLERANCE);
    }
  });
});
