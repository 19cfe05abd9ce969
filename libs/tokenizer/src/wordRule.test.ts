/** @file Where texts may be cut into words. */
import { describe, expect, test } from "vitest";
import { AddedTokens, type AddedToken } from "./addedTokens.ts";
import type { Locality, Normalizer } from "./normalizers/normalizer.ts";
import { createPreTokenizer } from "./preTokenizers/createPreTokenizer.ts";
import { wordRuleFor } from "./wordRule.ts";

const whitespaceSplit = { type: "WhitespaceSplit" };
const metaspace = { type: "Metaspace", replacement: "_" };

type Parts = {
  readonly preTokenizer: object;
  readonly locality?: Partial<Locality>;
  readonly normalize?: (text: string) => string;
  readonly added?: Partial<AddedToken>;
};

function ruleFor({ preTokenizer, locality, normalize, added }: Parts) {
  const normalizer: Normalizer = {
    locality: { boundaries: "any", trimsEdges: false, ...locality },
    normalizeString: normalize ?? ((text) => text),
    normalize: (text) => text,
  };
  const token = {
    content: "x",
    id: 0,
    singleWord: false,
    lstrip: false,
    rstrip: false,
    normalized: true,
    special: false,
  };
  const addedTokens = new AddedTokens(added ? [{ ...token, ...added }] : [], undefined);
  return wordRuleFor({ normalizer, preTokenizer: createPreTokenizer(preTokenizer, "pre_tokenizer"), addedTokens });
}

function words(text: string, parts: Parts): string[] | undefined {
  const rule = ruleFor(parts);
  if (rule === undefined) return undefined;
  const result: string[] = [];
  for (let position = 0; position < text.length;) {
    const [start, end] = rule.next(text, position, text.length);
    if (start < end) result.push(text.slice(start, end));
    position = end;
  }
  return result;
}

describe("wordRuleFor()", () => {
  test("cuts at white space that is dropped", () => {
    expect(words(" ab\tc \n\u3000d ", { preTokenizer: whitespaceSplit })).toEqual(["ab", "c", "\u3000d"]);
  });

  test("does not cut where a normalizer may see the space and its neighbour as one", () => {
    const parts = { preTokenizer: whitespaceSplit, locality: { boundaries: "solitary" } } as const;
    expect(words("a b \u0301c \u4e2d \u06ddd e\u0600 f", parts)).toEqual([
      "a",
      "b \u0301c",
      "\u4e2d \u06ddd",
      "e\u0600 f",
    ]);
  });

  test("leaves white space at the start with a character that may be one with it", () => {
    const parts = { preTokenizer: whitespaceSplit, locality: { boundaries: "solitary" } } as const;
    expect(words(" \t\u0eb3\u0316 a", parts)).toEqual([" \t\u0eb3\u0316 a"]);
    expect(words(" \tb a", parts)).toEqual(["b", "a"]);
  });

  test("cuts before spaces that lead a word, if what is before them stays visible", () => {
    const normalize = (text: string) => text.replaceAll("\u00ad", "").replaceAll("!", " ");
    expect(words("a  b \tc d\u00ad e! f\u3000 g", { preTokenizer: metaspace, normalize })).toEqual([
      "a",
      "  b",
      " \tc",
      " d\u00ad e! f\u3000 g",
    ]);
  });

  test.each([
    ["a pre-tokenizer that promises nothing", { preTokenizer: { type: "Digits" } }],
    ["a pre-tokenizer that looks at offsets", { preTokenizer: { ...metaspace, prepend_scheme: "first" } }],
    ["a normalizer that is not local", { preTokenizer: whitespaceSplit, locality: { boundaries: "none" } }],
    ["a normalizer that strips, where spaces matter", { preTokenizer: metaspace, locality: { trimsEdges: true } }],
    [
      "a normalizer that removes spaces",
      { preTokenizer: whitespaceSplit, normalize: (text: string) => text.replaceAll(" ", "") },
    ],
    ["an added token with a space in it", { preTokenizer: whitespaceSplit, added: { content: "a b" } }],
    ["an added token that takes spaces along", { preTokenizer: whitespaceSplit, added: { lstrip: true } }],
  ] as const)("has no rule for %s", (_, parts) => {
    expect(ruleFor(parts)).toBeUndefined();
  });
});
