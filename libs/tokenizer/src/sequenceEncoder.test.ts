/** @file Options of encoding: that reading less, as truncation at the right allows, gives what reading all gives. */
import { describe, expect, test } from "vitest";
import { Tokenizer, TokenizerError, TruncationError } from "./index.ts";
import { bertTokenizerFile } from "./training/bertTokenizerFile.ts";

const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "##b"];
const tokenizer = new Tokenizer({ tokenizer: bertTokenizerFile(tokens, {}).tokenizer });
const idsOf = ({ ids }: { ids: Int32Array }) => Array.from(ids);

describe("Tokenizer.encodeIds() with truncation", () => {
  test("of every pair of lengths keeps what encode() keeps after reading all", () => {
    for (const strategy of ["longest_first", "only_first", "only_second"] as const) {
      for (let first = 0; first < 12; first++) {
        for (let second = 0; second < 12; second++) {
          for (const maxLength of [3, 4, 8, 9, 12]) {
            const [text, pair] = ["ab ".repeat(first), "ba ".repeat(second)];
            const truncation = { maxLength, strategy };
            const outcome = (run: () => { ids: Int32Array; truncated: boolean }) => {
              try {
                const { ids, truncated } = run();
                return { ids: Array.from(ids), truncated };
              } catch (error) {
                return (error as TruncationError).name;
              }
            };
            const short = outcome(() => tokenizer.encodeIds(text, { pair, truncation }));
            const long = outcome(() => tokenizer.encode(text, { pair, truncation: { ...truncation, overflow: true } }));
            expect({ first, second, truncation, outcome: short }).toEqual({ first, second, truncation, outcome: long });
          }
        }
      }
    }
  });

  test("says whether tokens were cut off", () => {
    expect(tokenizer.encodeIds("a b", { truncation: { maxLength: 4 } }).truncated).toBe(false);
    expect(tokenizer.encodeIds("a b a", { truncation: { maxLength: 4 } }).truncated).toBe(true);
    expect(tokenizer.encode("a b a", { truncation: { maxLength: 4 } }).truncated).toBe(true);
  });

  test("leaves the special tokens alone when there is room for nothing else", () => {
    expect(idsOf(tokenizer.encodeIds("a b", { truncation: { maxLength: 2 } }))).toEqual([2, 3]);
    expect(idsOf(tokenizer.encodeIds("a b", { addSpecialTokens: false, truncation: { maxLength: 1 } }))).toEqual([5]);
  });

  test("refuses a length that the special tokens exceed", () => {
    expect(() => tokenizer.encodeIds("a", { pair: "b", truncation: { maxLength: 2 } })).toThrow(
      "truncation: maxLength must be at least 3, the special tokens of this input, got 2",
    );
  });

  test.each([-1, 1.5, Number.NaN, Infinity])("refuses %s as a length", (maxLength) => {
    expect(() => tokenizer.encodeIds("a", { truncation: { maxLength } })).toThrow(TokenizerError);
  });
});

describe("Tokenizer.encode() with overflow", () => {
  const encode = (stride: number) =>
    tokenizer.encode("a b a b", { truncation: { maxLength: 4, overflow: true, stride } });

  test("returns what was cut off in parts of the same form", () => {
    expect(encode(1).overflowing.map(idsOf)).toEqual([[2, 6, 5, 3], [2, 5, 6, 3]]); // prettier-ignore
    expect(encode(1).overflowing.map((part) => Array.from(part.offsets))).toEqual([
      [0, 0, 2, 3, 4, 5, 0, 0],
      [0, 0, 4, 5, 6, 7, 0, 0],
    ]);
  });

  test("refuses a stride that leaves no room for anything new", () => {
    expect(() => encode(2)).toThrow(TruncationError);
    expect(() => encode(0.5)).toThrow(/stride must be a whole number/);
  });

  test("is not done unless asked for", () => {
    expect(tokenizer.encode("a b a b", { truncation: { maxLength: 4, stride: 1 } }).overflowing).toEqual([]);
  });
});

describe("Tokenizer.numSpecialTokens()", () => {
  test("counts those of the template", () => {
    expect([tokenizer.numSpecialTokens(), tokenizer.numSpecialTokens({ isPair: true })]).toEqual([2, 3]);
  });
});
