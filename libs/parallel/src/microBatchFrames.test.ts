import { describe, expect, test } from "vitest";
import type { Frame } from "./frame.ts";
import { attentionOf, batchOf, numResultRows, outputFrame, tokenFrame } from "./microBatchFrames.ts";

const id = { epoch: 1, microBatch: 2, attempt: 0 };
const lengths = Int32Array.of(2, 3);
const batch = { inputIds: Int32Array.of(7, 4, 5, 4, 4), tokenTypeIds: new Int32Array(5), lengths };
const masked = { ...batch, maskedRows: Int32Array.of(1, 3, 4) };
const hidden = { shape: [5, 2], data: new Float32Array(10), startedAt: 1000.25, busyMs: 1 };
const names = ({ tensors }: Frame) => tensors.map(({ name }) => name);

describe("frames of a micro-batch", () => {
  test("carry the masked rows through every stage, and not back to the gateway", () => {
    const first = tokenFrame(id, masked, "maskedScores");
    expect(batchOf(first, true)).toEqual(masked);
    const second = outputFrame(first, hidden, { stage: 0, isLast: false, batch: batchOf(first, true) });
    const third = outputFrame(second, hidden, { stage: 1, isLast: false, batch: batchOf(second, false) });
    expect(batchOf(third, false)).toEqual({ lengths, hidden: hidden.data, maskedRows: masked.maskedRows });
    const scores = { shape: [3, 2], data: new Float32Array(6), startedAt: 1000.25, busyMs: 1 };
    expect(names(outputFrame(third, scores, { stage: 2, isLast: true, batch: masked }))).toEqual(["lengths", "output"]);
  });

  test("gather the heads that stages find, and give the gateway these alone", () => {
    const asked = { ...batch, lengths: Int32Array.of(2), attentionHeads: Int32Array.of(0, 1, 2, 0, 2, 3) };
    const place = { batch: asked, isLast: false };
    const found = (...heads: number[]) => ({
      shape: [heads.length, 4],
      data: Float32Array.from(heads.flatMap((head) => [head, 0, 0, head])),
      hidden,
      startedAt: 1000.25,
      busyMs: 1,
    });
    const first = tokenFrame(id, asked, "attention");
    expect(batchOf(first, true)).toEqual(asked);
    expect(attentionOf(first)).toEqual(new Float32Array());
    const second = outputFrame(first, found(1), { ...place, stage: 0, attention: attentionOf(first) });
    expect(names(second)).toEqual(["lengths", "hidden", "attention_heads", "attention"]);
    expect(batchOf(second, false)).toMatchObject({ attentionHeads: asked.attentionHeads, hidden: hidden.data });
    const third = outputFrame(second, found(), { ...place, stage: 1, attention: attentionOf(second) });
    const last = outputFrame(third, found(5, 7), { ...place, isLast: true, stage: 2, attention: attentionOf(third) });
    expect(names(last)).toEqual(["lengths", "output"]);
    expect(last.tensors[1]).toMatchObject({
      shape: [3, 4],
      data: Float32Array.of(1, 0, 0, 1, 5, 0, 0, 5, 7, 0, 0, 7),
    });
  });

  test("are as they were where nothing is masked", () => {
    const first = tokenFrame(id, batch, "tokens");
    expect(names(first)).toEqual(["lengths", "input_ids", "token_type_ids"]);
    expect(names(outputFrame(first, hidden, { stage: 0, isLast: false, batch }))).toEqual(["lengths", "hidden"]);
  });

  test("keep masked rows of their own: the other arrays may be given to another thread", () => {
    const { maskedRows } = batchOf(tokenFrame(id, masked, "maskedScores"), true);
    expect(maskedRows).not.toBe(masked.maskedRows);
  });
});

test("numResultRows(): one for each text, each token, each masked token, or each head", () => {
  const counts = { texts: 2, tokens: 5, masked: 3, heads: 7 };
  const rows = (["sentence", "textScores", "tokens", "tokenScores", "maskedScores", "attention"] as const).map(
    (output) => numResultRows(output, counts),
  );
  expect(rows).toEqual([2, 2, 5, 5, 3, 7]);
});
