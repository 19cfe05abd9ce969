import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

/** A session made and run, on the main thread or in an engine's thread, as our programs do it. */
const programs = {
  "the main thread": `
    import { graphOf, input, sqrt } from "@stagecoach/graph";
    import { float32, hostParameters } from "@stagecoach/engine";
    import { loadEngine } from "@stagecoach/engine/node";
    const engine = await loadEngine("onnxruntime", { threads: 1 });
    const executable = await engine.compile(graphOf({ y: sqrt(input("x", [1], "float32")) }), hostParameters({}));
    await executable.run({ x: float32([4], [1]) });
    await executable.dispose();
    await engine.dispose();`,
  "an engine's thread": `
    import { StageLanes } from "@stagecoach/parallel/node";
    const lanes = new StageLanes({ engine: "onnxruntime", threads: 2 });
    await lanes.load({ folder: process.argv[1], engine: "onnxruntime", threads: 2 });
    await lanes.stop();`,
};
const model = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");

test.each(Object.entries(programs))("ONNX Runtime on %s gathers nothing about its user", (_, program) => {
  const home = mkdtempSync(join(tmpdir(), "stagecoach-test-"));
  const { ORT_DISABLE_TELEMETRY: _unset, ...environment } = process.env;
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--conditions=@stagecoach/source", "--eval", program, model],
    {
      encoding: "utf8",
      cwd: import.meta.dirname,
      env: { ...environment, HOME: home, XDG_CACHE_HOME: home, TMPDIR: home },
    },
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(readdirSync(home, { recursive: true })).toEqual([]);
  rmSync(home, { recursive: true });
});
