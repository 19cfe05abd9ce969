/**
 * @file Splitting by layers does not reorder arithmetic: k stages give the bytes of one, on the same engine and thread count.
 *
 * docs/PARITY.md says for which engines this is exact, and why.
 */
import type { Engine } from "@stagecoach/engine";
import { planStages, Stage } from "@stagecoach/parallel";
import type { HiddenBatch, LayerRange, TokenBatch } from "@stagecoach/transformer";
import { openModelFolder, type ModelFolder } from "@stagecoach/transformer/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { unitLength } from "../harness/goldenSentences.ts";
import { fixtures, miniLm, missing, tinyEncoder } from "../harness/paths.ts";

const range = (start: number, end: number) => Array.from({ length: end - start }, (_, index) => start + index);
const absent = missing(miniLm);

/** Texts of odd lengths, one of a single token, and a single text. */
const shapes = [[5, 1, 13, 7], [1], [17, 17], [3, 2, 1, 1, 1, 9, 21]];

type SplitOptions = {
  /** all-MiniLM-L6-v2 as well, where it is. */
  readonly withRealModel: boolean;
  /** How far a text's vector may depend on the texts beside it, before it is scaled to unit length; values are up to 2.8 here. */
  readonly rawTolerance: number;
};

export function splitCases(load: () => Promise<Engine>, { withRealModel, rawTolerance }: SplitOptions): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await load();
  });
  afterAll(() => engine.dispose());

  test.each(range(1, 5))("k = %i gives the bytes of k = 1 (BERT)", (k) => expectSameBytes(engine, tinyEncoder, k));
  test.each(range(1, 4))("k = %i gives the bytes of k = 1 (MPNet, whose stages share a bias)", (k) =>
    expectSameBytes(engine, `${fixtures}encoders/mpnet`, k),
  );

  test.skipIf(absent !== null || !withRealModel).each(range(1, 7))(
    `k = %i gives the bytes of k = 1 (all-MiniLM-L6-v2; ${absent ?? "present"})`,
    (k) => expectSameBytes(engine, miniLm, k),
  );

  test("a text alone and in any batch agree to 1e-6", async () => {
    const folder = await openModelFolder(tinyEncoder);
    const [stage] = await loadStages(engine, folder, 1);
    for (const lengths of shapes) {
      const batch = batchOf(lengths, folder);
      const together = (await stage!.run(batch, "sentence")).data;
      const { dimensions } = folder.model.modules;
      let row = 0;
      for (const [text, length] of lengths.entries()) {
        const alone = {
          lengths: Int32Array.of(length),
          inputIds: batch.inputIds.slice(row, row + length),
          tokenTypeIds: new Int32Array(length),
        };
        const { data } = await stage!.run(alone, "sentence");
        const inCompany = together.subarray(text * dimensions, (text + 1) * dimensions);
        expect(largestError(data, inCompany)).toBeLessThan(rawTolerance);
        expect(largestError(unitLength([...data]), unitLength([...inCompany]))).toBeLessThan(1e-6);
        row += length;
      }
    }
    await stage!.close();
    await folder.close();
  });
}

async function expectSameBytes(engine: Engine, path: string, numStages: number): Promise<void> {
  const folder = await openModelFolder(path);
  const whole = await loadStages(engine, folder, 1);
  const split = await loadStages(engine, folder, numStages);
  expect(split.length).toBe(numStages);
  for (const lengths of shapes) {
    const batch = batchOf(lengths, folder);
    expect(bytesOf(await forward(split, batch))).toEqual(bytesOf(await forward(whole, batch)));
  }
  await Promise.all([...whole, ...split].map((stage) => stage.close()));
  await folder.close();
}

async function loadStages(engine: Engine, { model, weights }: ModelFolder, numStages: number): Promise<Stage[]> {
  const even = { embeddings: 0, layers: range(0, model.config.numLayers).map(() => 1), head: 0 };
  const load = (layers: LayerRange) => Stage.load({ engine, model, weights, layers, now: () => performance.now() });
  return Promise.all(planStages(even, numStages).map(load));
}

async function forward(stages: readonly Stage[], batch: TokenBatch): Promise<Float32Array> {
  let hidden: Float32Array | null = null;
  for (const [index, stage] of stages.entries()) {
    const input: TokenBatch | HiddenBatch = hidden === null ? batch : { hidden, lengths: batch.lengths };
    hidden = (await stage.run(input, index === stages.length - 1 ? "sentence" : "hidden")).data;
  }
  return hidden!;
}

function batchOf(lengths: readonly number[], { model }: ModelFolder): TokenBatch {
  const numTokens = lengths.reduce((a, b) => a + b, 0);
  const inputIds = Int32Array.from(
    { length: numTokens },
    (_, row) => 5 + ((row * 7919) % (model.config.vocabSize - 5)),
  );
  return { lengths: Int32Array.from(lengths), inputIds, tokenTypeIds: new Int32Array(numTokens) };
}

/** For comparisons without tolerance. */
export const bytesOf = (data: Float32Array | Int32Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
