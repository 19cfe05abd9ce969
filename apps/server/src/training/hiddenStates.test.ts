/** @file Which hidden states are compared when nobody names any: TinyBERT's uniform mapping (Jiao et al. 2020, section 3.1 and 4.4). */
import { describe, expect, test } from "vitest";
import { comparedStates } from "./hiddenStates.ts";

const teachersOf = (numOwn: number, numTheirs: number) =>
  comparedStates(undefined, numOwn, numTheirs).map(({ student, teacher }) => [student, teacher]);

describe("comparedStates()", () => {
  test("4 of 12 layers are every third, the embeddings theirs", () => {
    expect(teachersOf(4, 12)).toEqual([
      [0, 0],
      [1, 3],
      [2, 6],
      [3, 9],
      [4, 12],
    ]);
  });

  test("the first and the last are each other's also where the numbers are no multiples, and none is passed over twice", () => {
    expect(teachersOf(4, 6).map(([, teacher]) => teacher)).toEqual([0, 2, 3, 5, 6]);
    expect(teachersOf(3, 2).map(([, teacher]) => teacher)).toEqual([0, 1, 1, 2]);
  });

  test("named ones are taken in the order of the student's layers", () => {
    expect(comparedStates(["4:12", "0:0", "2:9"], 4, 12)).toEqual([
      { student: 0, teacher: 0 },
      { student: 2, teacher: 9 },
      { student: 4, teacher: 12 },
    ]);
  });
});
