/** @file The end of what `stagecoach train` writes: how the model did on its test, where it is, how it is served. */
import type { LoggedTest } from "@stagecoach/training";
import { measuredLines } from "./measuredLines.ts";

/** @param folder - of the run, as it was given */
export const modelPath = (folder: string): string => `${folder.replace(/\/+$/, "")}/model`;

export function testLines(test: LoggedTest | null): string[] {
  return test === null ? [] : ["", "  Tested on examples of its own", ...measuredLines(test.metrics, test.classes)];
}

/** @param more - lines about what else is there */
export function modelLines(path: string, more: readonly string[] = []): string[] {
  return [`  Model    ${path}`, ...more, `  Serve    stagecoach serve --model ${path}`, "", ""];
}
