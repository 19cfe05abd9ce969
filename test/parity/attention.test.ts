/** @file Attention by stages: however a model is cut, and in however many micro-batches its heads are asked for, the same bytes. */
import type { Engine } from "@stagecoach/engine";
import { Stage, type StageOutput } from "@stagecoach/parallel";
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import { openModelFolder, type ModelFolder } from "@stagecoach/transformer/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines } from "../golden/engines.ts";
import { tinyEncoder } from "../harness/paths.ts";

const [NUM_LAYERS, NUM_HEADS, LENGTH] = [4, 4, 9];
const ids = Int32Array.from({ length: LENGTH }, (_, place) => 5 + ((place * 37) % 150));
const allHeads = Array.from({ length: NUM_LAYERS * NUM_HEADS }, (_, at) => [
  Math.floor(at / NUM_HEADS),
  at % NUM_HEADS,
]);

let opened: ModelFolder;
beforeAll(async () => {
  opened = await openModelFolder(tinyEncoder);
});
afterAll(() => opened.close());

describe.each(["onnxruntime", "tfjs-wasm"])("attention on %s", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engines[name]!();
  });
  afterAll(() => engine.dispose());

  /** @param bounds - first layers of the stages, and the number of layers */
  async function openStages(...bounds: number[]) {
    const { model, weights } = opened;
    const stages: Stage[] = [];
    for (const [stage, start] of bounds.slice(0, -1).entries()) {
      const layers = { start, end: bounds[stage + 1]! };
      stages.push(await Stage.load({ engine, model, weights, layers, now: () => performance.now() }));
    }
    return {
      stages,
      async [Symbol.asyncDispose]() {
        for (const stage of stages) await stage.close();
      },
    };
  }

  /** Rows of all stages, one after another, and what each stage handed on. */
  async function attend(stages: readonly Stage[], heads: readonly number[][]) {
    const own = { lengths: Int32Array.of(LENGTH), attentionHeads: Int32Array.from(heads.flat()) };
    let batch: TokenBatch | HiddenBatch = { ...own, inputIds: ids.slice(), tokenTypeIds: new Int32Array(LENGTH) };
    const outputs: StageOutput[] = [];
    for (const stage of stages) {
      const output = await stage.run(batch, "attention");
      outputs.push(output);
      batch = { ...own, hidden: output.hidden!.data };
    }
    const rows = outputs.flatMap(({ data }) => [...data]);
    return { rows, handedOn: outputs.map(({ hidden }) => hidden!.shape[0]) };
  }

  test("two and four stages give the bytes of one, for all heads and for some", async () => {
    await using one = await openStages(0, 4);
    await using two = await openStages(0, 3, 4);
    await using four = await openStages(0, 1, 2, 3, 4);
    const whole = await attend(one.stages, allHeads);
    expect(whole.rows).toHaveLength(NUM_LAYERS * NUM_HEADS * LENGTH ** 2);
    for (const { stages } of [two, four]) expect((await attend(stages, allHeads)).rows).toEqual(whole.rows);
    const matrix = ([layer, head]: number[]) => {
      const start = (layer! * NUM_HEADS + head!) * LENGTH ** 2;
      return whole.rows.slice(start, start + LENGTH ** 2);
    };
    for (const some of [
      [[3, 2]],
      [
        [0, 1],
        [2, 0],
        [2, 3],
      ],
      [[1, 3]],
    ]) {
      for (const { stages } of [one, two, four])
        expect((await attend(stages, some)).rows).toEqual(some.flatMap(matrix));
    }
  });

  test("behind the last layer that is wanted, nothing is computed or handed on", async () => {
    await using four = await openStages(0, 1, 2, 3, 4);
    const { rows, handedOn } = await attend(four.stages, [
      [0, 1],
      [1, 0],
    ]);
    expect([rows.length, handedOn]).toEqual([2 * LENGTH ** 2, [LENGTH, 0, 0, 0]]);
  });

  test("what a stage cannot do is told", async () => {
    await using one = await openStages(0, 4);
    const wrong = async (attentionHeads: number[], lengths = [LENGTH]) => {
      const batch = { lengths: Int32Array.from(lengths), attentionHeads: Int32Array.from(attentionHeads) };
      return one.stages[0]!.run({ ...batch, inputIds: ids, tokenTypeIds: new Int32Array(LENGTH) }, "attention");
    };
    await expect(wrong([])).rejects.toThrow("expected 1 to 12945 heads for a text of 9 tokens, got 0");
    await expect(wrong([4, 0])).rejects.toThrow("of 4 layers with 4 heads each, got head 0 of layer 4");
    await expect(wrong([0, -1])).rejects.toThrow("got head -1 of layer 0");
    await expect(wrong([1, 0, 0, 0])).rejects.toThrow("expected heads by layer");
    await expect(wrong([0, 0], [4, 5])).rejects.toThrow("attention: expected one text, got 2");
  });
});
