/** @file Ties and unknown characters of Unigram; expected tokens are those of Rust's tokenizers 0.23.3 for the same pieces. */
import { describe, expect, test } from "vitest";
import { JsonFields } from "../jsonFields.ts";
import { TokenBuffer } from "./tokenBuffer.ts";
import { Unigram } from "./unigram.ts";

function tokens(pieces: readonly (readonly [string, number])[], text: string): string[] {
  const model = new Unigram(new JsonFields({ vocab: [["<unk>", 0], ...pieces], unk_id: 0 }, "model"));
  const output = new TokenBuffer();
  model.tokenize(text, output);
  return Array.from(output.ids.subarray(0, output.length), (_, i) => text.slice(output.starts[i], output.ends[i]));
}

describe("Unigram.tokenize()", () => {
  test("of two ways with the same score takes the one whose last token starts first", () => {
    expect(tokens([["a", -1], ["b", -2], ["ab", -3]], "abab")).toEqual(["ab", "ab"]); // prettier-ignore
    expect(tokens([["ab", -2], ["c", -2], ["a", -2], ["bc", -2]], "abc")).toEqual(["a", "bc"]); // prettier-ignore
  });

  test("an unknown character costs ten more than the worst token", () => {
    expect(tokens([["xa", -100], ["b", -5], ["ab", 0]], "xab")).toEqual(["xa", "b"]); // prettier-ignore
    expect(tokens([["xa", -100], ["b", -50], ["ab", 0]], "xab")).toEqual(["x", "ab"]); // prettier-ignore
  });

  test("neighbouring unknown characters are one token", () => {
    expect(tokens([["a", -1]], "ax\u{1f600}ya")).toEqual(["a", "x\u{1f600}y", "a"]); // prettier-ignore
  });
});
