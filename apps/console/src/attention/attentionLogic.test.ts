import { describe, expect, test } from "vitest";
import { bytesOf, layerGroups, matricesOf } from "./attentionAnswer.ts";
import { fitted, queryOf, stateOf, type AttentionState } from "./attentionState.ts";
import { headColour, headLines } from "./headLines.ts";
import { placesOf, spansOf } from "./pairFilter.ts";
import { labelOf, meanAt, mostSeen } from "./weights.ts";

/** `[CLS] a a [SEP] b [SEP]` */
const pair = [null, 0, 0, null, 1, null].map((input) => ({ input }));

describe("spansOf()", () => {
  test.each([
    ["all", [0, 6], [0, 6]],
    ["ab", [0, 4], [4, 6]],
    ["ba", [4, 6], [0, 4]],
    ["aa", [0, 4], [0, 4]],
    ["bb", [4, 6], [4, 6]],
  ] as const)("%s: the border is the second text's first token", (filter, looking, seen) => {
    expect(spansOf(pair, filter)).toEqual({
      looking: { start: looking[0], end: looking[1] },
      seen: { start: seen[0], end: seen[1] },
    });
  });
  test("one text has no border", () => {
    expect(spansOf(pair.slice(0, 4), "ab").seen).toEqual({ start: 0, end: 4 });
  });
  test("placesOf() counts the end out", () => {
    expect(placesOf({ start: 4, end: 6 })).toEqual([4, 5]);
  });
});

describe("the state in the address", () => {
  const some: AttentionState = { view: "model", layer: 3, heads: [0, 2], head: 1, filter: "ba" };
  test("comes back as it was", () => {
    for (const state of [some, stateOf(new URLSearchParams()), { ...some, heads: [] }])
      expect(stateOf(new URLSearchParams(queryOf(state)))).toEqual(state);
    expect(queryOf(stateOf(new URLSearchParams()))).toEqual({});
  });
  test("is as at the beginning where it says nothing that there is", () => {
    expect(stateOf(new URLSearchParams("view=x&layer=-1&head=1e9&filter=ac&heads=1,x"))).toEqual({
      view: "head",
      layer: 0,
      heads: [1],
      head: null,
      filter: "all",
    });
  });
  test("is cut to the model", () => {
    expect(fitted(some, { numLayers: 2, numHeads: 1 })).toMatchObject({ layer: 1, heads: [0], head: null });
  });
});

describe("an answer", () => {
  test("base64 of little-endian float32, one matrix after another", () => {
    const values = Float32Array.of(0.25, 0.75, 1, 0, 0.5, 0.5, 0, 1);
    const bytes = bytesOf(Buffer.from(values.buffer).toString("base64"));
    expect(matricesOf(new Float32Array(bytes.buffer), 2)).toEqual([values.subarray(0, 4), values.subarray(4)]);
  });
  test("layers are asked for together as long as that is little", () => {
    const tokens = (count: number) =>
      Array.from({ length: count }, () => ({ token: "", text: "", special: false, input: 0 }));
    expect(layerGroups({ numLayers: 4, numHeads: 12, tokens: tokens(20) })).toEqual([[0, 1, 2, 3]]);
    // 12 heads of 256 x 256 are 786,432 of 2,097,152 values.
    expect(layerGroups({ numLayers: 5, numHeads: 12, tokens: tokens(256) })).toEqual([[0, 1], [2, 3], [4]]);
    expect(layerGroups({ numLayers: 2, numHeads: 16, tokens: tokens(512) })).toEqual([[0], [1]]);
  });
});

describe("weights", () => {
  const matrix = Float32Array.of(0.5, 0.25, 0.25, 0, 0.125, 0.875, 1, 0, 0);
  test("the tokens that are seen most, in order, of those that are asked about", () => {
    const options = { place: 1, length: 3, count: 2 };
    expect(mostSeen(matrix, { ...options, seen: { start: 0, end: 3 } })).toEqual([
      { place: 2, weight: 0.875 },
      { place: 1, weight: 0.125 },
    ]);
    expect(mostSeen(matrix, { ...options, seen: { start: 0, end: 1 } })).toEqual([{ place: 0, weight: 0 }]);
  });
  test("the mean over heads", () => {
    expect([meanAt([matrix], 5), meanAt([matrix, new Float32Array(9)], 5)]).toEqual([0.875, 0.4375]);
  });
  test("tokens are named by their piece of the text", () => {
    const name = (token: string, text: string, special = false) => labelOf({ token, text, special });
    expect([name("[CLS]", "[CLS]", true), name("##ing", "ing"), name("Ġword", " word"), name("[UNK]", "語")]).toEqual([
      "[CLS]",
      "##ing",
      "word",
      "語",
    ]);
    expect(name("▁", "")).toBe("▁");
  });
});

describe("headLines()", () => {
  const all = { start: 0, end: 2 };
  const values = Float32Array.of(1, 0, 0.5, 0.5);
  const heads = [{ head: 3, values }];
  test("groups lines by strength, and leaves out what cannot be seen", () => {
    const groups = headLines(heads, { length: 2, spans: { looking: all, seen: all }, only: null });
    expect(groups.map(({ head, ends }) => [head, ...ends])).toEqual([
      [3, 1, 0, 1, 1],
      [3, 0, 0],
    ]);
    expect(groups[1]!.opacity).toBeGreaterThan(groups[0]!.opacity);
  });
  test("of very many lines, those of the strongest levels", () => {
    // 100 x 100 lines: a hundred of 0.9, the others of 0.1.
    const many = Float32Array.from({ length: 10_000 }, (_, cell) => (cell % 101 === 0 ? 0.9 : 0.1));
    const span = { start: 0, end: 100 };
    const [group, ...more] = headLines([{ head: 0, values: many }], {
      length: 100,
      spans: { looking: span, seen: span },
      only: null,
    });
    expect([group!.ends.length, more]).toEqual([200, []]);
  });
  test("of one token, its lines alone: where it looks, or who looks at it", () => {
    const ends = (side: "looking" | "seen", place: number) =>
      headLines(heads, { length: 2, spans: { looking: all, seen: all }, only: { side, place } }).map(
        (group) => group.ends,
      );
    expect(ends("looking", 0)).toEqual([[0, 0]]);
    expect(ends("seen", 0)).toEqual([
      [1, 0],
      [0, 0],
    ]);
  });
  test("no two of twelve heads have the same colour", () => {
    const colours = placesOf({ start: 0, end: 12 }).map((head) => headColour(head, { numHeads: 12, isDark: false }));
    expect(new Set(colours).size).toBe(12);
  });
});
