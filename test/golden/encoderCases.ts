/**
 * @file Every family of encoders against PyTorch, whole and cut into stages: a suite as a function, run for each engine.
 *
 * Expected values: test/fixtures/encoders, written by tools/oracles/encoders.py (versions and seed in versions.json there), and, where
 * it is, ../shared/golden/bert.
 */
import type { Engine } from "@stagecoach/engine";
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fixtures, missing, shared } from "../harness/paths.ts";
import { compareEncoder } from "./compareEncoder.ts";

/**
 * float32 has 24 bits; hidden states here are of size 1 to 4 and pass three post-norm layers, so errors of a few 1e-7 are rounding.
 * The reference engine computes in float64: what differs there is PyTorch's own rounding.
 */
const TOLERANCE = 4e-6;

const names = readdirSync(`${fixtures}encoders`, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

export function encoderCases(load: () => Promise<Engine>): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await load();
  });
  afterAll(() => engine.dispose());

  test.each(names)("%s: hidden states, pooler and poolings are PyTorch's", async (name) => {
    const { errors } = await compareEncoder(`${fixtures}encoders/${name}`, engine);
    expect(errors.size).toBeGreaterThanOrEqual(5);
    for (const [output, error] of errors) expect(error, output).toBeLessThan(TOLERANCE);
  });

  test("cut after every layer, the hidden states are still PyTorch's", async () => {
    const { errors } = await compareEncoder(`${fixtures}encoders/bert`, engine, [1, 2]);
    expect(errors.get("last_hidden_state")).toBeLessThan(TOLERANCE);
  });

  const absent = missing(`${shared}golden/bert`);
  test.skipIf(absent)(`golden/bert, another program's model, agrees (${absent ?? "present"})`, async () => {
    const { errors } = await compareEncoder(`${shared}golden/bert`, engine, [3]);
    for (const [output, error] of errors) expect(error, output).toBeLessThan(TOLERANCE);
  });
}
