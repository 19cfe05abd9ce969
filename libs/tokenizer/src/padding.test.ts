/** @file Padding of encodings to matrices. */
import { describe, expect, test } from "vitest";
import { padBatch } from "./padding.ts";

const row = (...ids: number[]) => ({ ids: Int32Array.from(ids), typeIds: Int32Array.from(ids, () => 1) });
const rows = [row(5, 6, 7), row(8)];

describe("padBatch()", () => {
  test("pads at the right to the longest row", () => {
    const batch = padBatch(rows, { padId: 9, padTypeId: 2 });
    expect([batch.numRows, batch.length]).toEqual([2, 3]);
    expect(Array.from(batch.ids)).toEqual([5, 6, 7, 8, 9, 9]);
    expect(Array.from(batch.typeIds)).toEqual([1, 1, 1, 1, 2, 2]);
    expect(Array.from(batch.attentionMask)).toEqual([1, 1, 1, 1, 0, 0]);
  });

  test("pads at the left", () => {
    const batch = padBatch(rows, { side: "left" });
    expect(Array.from(batch.ids)).toEqual([5, 6, 7, 0, 0, 8]);
    expect(Array.from(batch.attentionMask)).toEqual([1, 1, 1, 0, 0, 1]);
  });

  test("rounds the length up to a multiple", () => {
    expect(padBatch(rows, { padToMultipleOf: 8 }).length).toBe(8);
    expect(padBatch(rows, { length: 9, padToMultipleOf: 4 }).length).toBe(12);
    expect(padBatch(rows, { padToMultipleOf: 3 }).length).toBe(3);
  });

  test("makes empty matrices of no rows", () => {
    expect(padBatch([])).toMatchObject({ numRows: 0, length: 0, ids: new Int32Array(0) });
  });

  test("refuses a length that a row exceeds", () => {
    expect(() => padBatch(rows, { length: 2 })).toThrow("padding: length 2 is less than the longest row of 3 tokens");
  });

  test.each([{ length: 0 }, { length: 1.5 }, { padToMultipleOf: 0 }])("refuses %j", (padding) => {
    expect(() => padBatch(rows, padding)).toThrow(/must be a whole number above 0/);
  });
});
