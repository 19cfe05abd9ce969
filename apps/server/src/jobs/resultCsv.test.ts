import { describe, expect, test } from "vitest";
import { resultCsv, type StepNumbers } from "./resultCsv.ts";

describe("resultCsv()", () => {
  test("has a line a step in the steps' order, and OpenAI's columns first", () => {
    const reports: StepNumbers[] = [
      { step: 2, learning_rate: 0.1, train_loss: 1.5 },
      { step: 1, train_loss: 2 },
      { step: 2, valid_loss: 1e-7 },
    ];
    expect(resultCsv(reports)).toBe("step,train_loss,valid_loss,learning_rate\n1,2,,\n2,1.5,1e-7,0.1\n");
  });

  test("leaves empty what is not a number, and quotes names that need it", () => {
    expect(resultCsv([{ step: 1, 'f1 of "a, b"': null }])).toBe('step,"f1 of ""a, b"""\n1,\n');
  });

  test("of no numbers is a header", () => {
    expect(resultCsv([])).toBe("step\n");
  });
});
