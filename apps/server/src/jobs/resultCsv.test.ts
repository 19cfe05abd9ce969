import { describe, expect, test } from "vitest";
import { resultCsv, type ReportedNumbers } from "./resultCsv.ts";

const OPENAI = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy";

describe("resultCsv()", () => {
  test("has a line a step in the steps' order, and OpenAI's columns first", () => {
    const reports: ReportedNumbers[] = [
      { step: 2, learning_rate: 0.1, train_loss: 1.5 },
      { step: 1, train_loss: 2 },
      { step: 2, valid_loss: 1e-7 },
    ];
    expect(resultCsv(reports)).toBe(`${OPENAI},learning_rate\n1,2,,,,\n2,1.5,,1e-7,,0.1\n`);
  });

  test.each(["valid_accuracy", "valid_masked_lm_accuracy"])("has %s under OpenAI's name too", (name) => {
    const reports: ReportedNumbers[] = [
      { step: 1, train_loss: 2 },
      { step: 1, valid_loss: 3, [name]: 0.75 },
    ];
    expect(resultCsv(reports)).toBe(`${OPENAI},${name}\n1,2,,3,0.75,0.75\n`);
  });

  test("leaves empty what is not a number, and quotes names that need it", () => {
    expect(resultCsv([{ step: 1, 'f1 of "a, b"': null }])).toBe(`${OPENAI},"f1 of ""a, b"""\n1,,,,,\n`);
  });

  test("of no numbers is a header", () => {
    expect(resultCsv([])).toBe(`${OPENAI}\n`);
  });
});
