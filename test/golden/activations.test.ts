/**
 * @file Activations under the names that configs give them, against transformers.
 *
 * Expected values: test/fixtures/activations.json, written by tools/oracles/activations.py.
 */
import { createReferenceEngine, float32, hostParameters, runToHost, type Engine } from "@stagecoach/engine";
import { loadEngine } from "@stagecoach/engine/node";
import { graphOf, input } from "@stagecoach/graph";
import { activationNames, activations } from "@stagecoach/transformer";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";

type Golden = { readonly points: readonly number[]; readonly values: Readonly<Record<string, readonly number[]>> };
const golden = JSON.parse(readFileSync(`${fixtures}activations.json`, "utf8")) as Golden;

/** Values are up to 20, of which float32's last bit is 2e-6; the approximation of gelu is off by up to 5e-4. */
const TOLERANCE = 2e-6;

const engines: Record<string, () => Promise<Engine>> = {
  reference: () => Promise.resolve(createReferenceEngine()),
  onnxruntime: () => loadEngine("onnxruntime", { threads: 1 }),
  "tfjs-wasm": () => loadEngine("tfjs-wasm", { threads: 1 }),
};

test("the fixture has every name", () => {
  expect(Object.keys(golden.values).toSorted()).toEqual([...activationNames].toSorted());
});

describe.each(Object.keys(engines))("activations on %s", (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engines[engineName]!();
  });
  afterAll(() => engine.dispose());

  test.each(activationNames)("%s is transformers'", async (name) => {
    const { points, values } = golden;
    const graph = graphOf({ y: activations[name](input("x", ["M"], "float32")) });
    const executable = await engine.compile(graph, hostParameters({}));
    const { y } = await runToHost(executable, { x: float32(points, [points.length]) });
    await executable.dispose();
    expect(largestError(y!.data, values[name]!)).toBeLessThan(TOLERANCE);
  });
});
