import { describe, expect, test } from "vitest";
import { closedJson } from "./jsonBeginning.ts";

describe("closedJson()", () => {
  const whole = [{ a: 1 }, { a: 'x,]"\\' }, { a: [1, 2, { b: "," }] }, { a: 4 }];

  test("of any beginning of a list gives its first entries, all but the last that is whole or begun", () => {
    const text = JSON.stringify(whole);
    const ends = whole.slice(0, -1).map((_, entry) => JSON.stringify(whole.slice(0, entry + 1)).length);
    for (let length = 0; length <= text.length; length++) {
      const closed = closedJson(text.slice(0, length));
      const count = ends.filter((end) => end <= length).length;
      expect(closed === null ? [] : (JSON.parse(closed) as unknown), `${length} characters`).toEqual(
        whole.slice(0, count),
      );
    }
  });

  test("of SQuAD's files leaves paragraphs whole", () => {
    const paragraphs = [1, 2, 3].map((id) => ({ qas: [{ id }, { id: -id }], context: `c${id}` }));
    const text = JSON.stringify({ version: "2.0", data: [{ title: "a", paragraphs }] });
    const cut = text.slice(0, text.indexOf('"id":-3'));
    expect(JSON.parse(closedJson(cut)!)).toEqual({
      version: "2.0",
      data: [{ title: "a", paragraphs: paragraphs.slice(0, 2) }],
    });
  });
});
