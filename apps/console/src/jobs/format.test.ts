import { expect, test } from "vitest";
import { metricTitle, shownBytes, shownNumber } from "./format.ts";
import { shownDuration } from "../ui/shownDuration.ts";

test.each([
  [0.0123456, "0.01235"],
  [1.36e-4, "1.36e-4"],
  [0, "0"],
  [9000, "9,000"],
  [1140.3, "1140"],
  [null, "none"],
])("shownNumber(%j) is %s", (value, shown) => {
  expect(shownNumber(value)).toBe(shown);
});

test.each([
  [0.4, "0 s"],
  [59.6, "1 min"],
  [125, "2 min 5 s"],
  [3600 * 3 + 60 * 12 + 5, "3 h 12 min"],
  [86_400 * 2, "2 d"],
])("shownDuration(%j) is %s", (seconds, shown) => {
  expect(shownDuration(seconds)).toBe(shown);
});

test.each([
  [512, "512 bytes"],
  [561_624, "562 kB"],
  [90_000_000, "90 MB"],
])("shownBytes(%j) is %s", (bytes, shown) => {
  expect(shownBytes(bytes)).toBe(shown);
});

test("metricTitle() writes names out", () => {
  expect(metricTitle("valid_f1_macro")).toBe("validation f1 macro");
});
