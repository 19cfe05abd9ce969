/**
 * @file TensorFlow itself, through tfjs-node: the conformance suite, encoders against PyTorch, and cut into stages (`npm run engine:tfjs` installs it).
 *
 * A missing tfjs-node fails here. TensorFlow's thread count is its process's, so other counts run in processes of their own.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { loadTfjs } from "@stagecoach/engine/node";
import { describe, expect, test } from "vitest";
import { engineCases } from "../conformance/engine.case.ts";
import { leakCases } from "../conformance/leak.case.ts";
import { encoderCases } from "../golden/encoderCases.ts";
import { splitCases } from "../parity/splitCases.ts";

const load = () => loadTfjs({ variant: "tfjs-node", threads: 2 });

describe("tfjs-node", () => {
  engineCases(load);
  leakCases(load);
  describe("encoders", () => {
    encoderCases(load);
  });
  describe("a pipeline of k stages", () => {
    // TensorFlow multiplies one row in another order than several.
    splitCases(load, { withRealModel: true, rawTolerance: 2e-6 });
  });

  test("scatterAddRows gives the same bytes with 1, 2 and 4 threads", () => {
    const bytes = ["1", "2", "4"].map((threads) => runProgram("scatterBytes.ts", threads));
    expect(bytes[0]!.length).toBeGreaterThan(1000);
    expect(new Set(bytes).size).toBe(1);
  });
});

function runProgram(program: string, ...args: readonly string[]): string {
  const path = join(import.meta.dirname, program);
  return execFileSync(process.execPath, ["--conditions=@stagecoach/source", path, ...args], { encoding: "utf8" });
}
