import { expect, test } from "vitest";
import { programBeside } from "./programBeside.ts";

test.each([
  ["file:///checkout/src/node/stageThread.ts", "file:///checkout/src/node/stageThreadMain.ts"],
  ["file:///package/dist/node/stageThread.js", "file:///package/dist/node/stageThreadMain.js"],
])("beside %s: %s", (module, program) => {
  expect(programBeside(module, "stageThreadMain").href).toBe(program);
});
