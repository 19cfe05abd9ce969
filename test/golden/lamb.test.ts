/**
 * @file LAMB's update against timm's, on every engine: six steps with clipping and a changing learning rate.
 *
 * Expected values: test/fixtures/lamb.json (tools/oracles/lamb.py).
 */
import { float32, hostParameters, runToHost, type HostTensor } from "@stagecoach/engine";
import {
  adamWDefaults,
  clippingScale,
  globalNorm,
  optimizerTensors,
  updateGraph,
  updateScalars,
  type OptimizerOptions,
} from "@stagecoach/training";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { engines } from "./engines.ts";

type Values = Readonly<Record<string, readonly number[]>>;
const golden = JSON.parse(readFileSync(`${fixtures}lamb.json`, "utf8")) as {
  readonly weightDecay: number;
  readonly epsilon: number;
  readonly maxGradNorm: number;
  readonly learningRates: readonly number[];
  readonly shapes: Values;
  readonly before: Values;
  readonly gradients: readonly Values[];
  readonly after: Values;
};

describe.each(Object.keys(engines))("LAMB on %s", (engineName) => {
  test("six steps give timm's parameters", async () => {
    const engine = await engines[engineName]!();
    const { weightDecay, epsilon, shapes } = golden;
    const options: OptimizerOptions = { ...adamWDefaults, name: "lamb", weightDecay, epsilon };
    const parameters = Object.entries(shapes).map(([name, shape]) => ({ name, shape }));
    const executable = await engine.compile(updateGraph(parameters, options), hostParameters({}));
    const tensor = (name: string, values: readonly number[]) => float32(values, shapes[name]!);
    const state: Record<string, HostTensor> = {};
    for (const { name } of parameters) {
      const { value, m, v } = optimizerTensors(name);
      const before = golden.before[name]!;
      state[value] = tensor(name, before);
      state[m] = tensor(
        name,
        before.map(() => 0),
      );
      state[v] = tensor(
        name,
        before.map(() => 0),
      );
    }
    for (const [index, gradients] of golden.gradients.entries()) {
      const squares = Object.fromEntries(
        Object.entries(gradients).map(([name, values]) => [name, values.reduce((sum, value) => sum + value ** 2, 0)]),
      );
      const gradientScale = clippingScale(globalNorm(squares), golden.maxGradNorm);
      const step = { step: index + 1, learningRate: golden.learningRates[index]!, gradientScale };
      const scalars = Object.entries(updateScalars(options, step)).map(([name, value]) => [name, float32([value], [])]);
      const given = Object.entries(gradients).map(([name, values]) => [
        optimizerTensors(name).gradient,
        tensor(name, values),
      ]);
      const next = await runToHost(executable, { ...state, ...Object.fromEntries([...scalars, ...given]) });
      for (const name of Object.keys(state)) state[name] = next[`next.${name}`]!;
    }
    for (const { name } of parameters)
      expect(largestError(state[name]!.data, golden.after[name]!), name).toBeLessThan(2e-6);
    await executable.dispose();
    await engine.dispose();
  });
});
