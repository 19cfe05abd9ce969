import { describe, expect, test } from "vitest";
import { parseStrictJson } from "./strictJson.ts";

describe("parseStrictJson()", () => {
  test("reads every kind of value, white space around each", () => {
    const text = ' { "a" : [ 1 , -2 , 1.5 , 1e3 , true , false , null , "x\\n\\u00e9\\\\" , [ ] , { } ] } ';
    const items = [1n, -2n, 1.5, 1000, true, false, null, "x\n\u00e9\\", [], new Map()];
    expect(parseStrictJson(text)).toEqual(new Map([["a", items]]));
  });

  test("keeps whole numbers beyond 2^53 exact", () => {
    expect(parseStrictJson("[9007199254740993]")).toEqual([9007199254740993n]);
  });

  test.each([
    '{"a":1,"a":2}',
    '{"a":{"b":1,"b":1}}',
    '{"a":1,"\\u0061":2}',
    '["\\ud800"]',
    '["\u0001"]',
    '["\\x"]',
    '["\\"]',
    '["',
    '{"a"}',
    '{"a":1,}',
    "{a:1}",
    "[1,]",
    "[1 2]",
    "[01]",
    "[+1]",
    "[.5]",
    "[1.]",
    "[-]",
    "[NaN]",
    "[tru]",
    "",
    " ",
    "{}x",
    "[",
  ])("refuses %s", (text) => {
    expect(() => parseStrictJson(text)).toThrow(SyntaxError);
  });

  test("refuses a million levels without running out of stack", () => {
    expect(() => parseStrictJson("[".repeat(1_000_000))).toThrow("expected at most 128 levels at character 129");
  });
});
