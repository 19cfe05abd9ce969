/**
 * @file Low-rank adapters against peft: losses and gradient norms of six steps, the adapters after them, the merged model's logits; on
 * every engine, whole and cut into stages.
 *
 * Expected values: test/fixtures/lora (tools/oracles/lora.py).
 */
import { hostParameters, runToHost, type Engine, type HostTensor } from "@stagecoach/engine";
import { adamWDefaults, LocalPipeline, TrainingStage } from "@stagecoach/training";
import { adapterTensors } from "@stagecoach/training/node";
import {
  loraNames,
  mergeLora,
  stageGraph,
  trainingStageInputs,
  type LoraOptions,
  type TaskModel,
} from "@stagecoach/transformer";
import { openSafetensors } from "@stagecoach/transformer/node";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { engines } from "./engines.ts";
import { openLoraCase } from "./loraCase.ts";
import { evenStages } from "./taskPipeline.ts";

type Golden = {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly logits: readonly (readonly number[])[];
};

const golden = JSON.parse(readFileSync(`${fixtures}lora/golden.json`, "utf8")) as Golden;

/** peft's adapter, by the names that graphs use. */
async function readAdapter(name: string, model: TaskModel, lora: LoraOptions) {
  await using file = await openSafetensors(`${fixtures}lora/${name}/adapter_model.safetensors`);
  const adapter: Record<string, HostTensor> = {};
  const tensors = adapterTensors(model, lora);
  expect(tensors.map(({ stored }) => stored).toSorted()).toEqual(file.names().toSorted());
  for (const { name: own, shape, stored } of tensors)
    adapter[own] = { dtype: "float32", shape, data: await file.readFloat32(stored) };
  return adapter;
}

describe.each(Object.keys(engines))("low-rank adapters on %s", (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engines[engineName]!();
  });
  afterAll(() => engine.dispose());

  test.each([1, 2])("in %i stages: losses, norms and adapters after six steps are peft's", async (numStages) => {
    const { model, lora, weights, batch } = await openLoraCase();
    const initial: Record<string, HostTensor> = { ...weights, ...(await readAdapter("initial", model, lora)) };
    const expected = await readAdapter("trained", model, lora);
    const load = (layers: { start: number; end: number }) =>
      TrainingStage.load({
        engine,
        model,
        layers,
        parameter: (name) => Promise.resolve(initial[name]!),
        optimizer: { ...adamWDefaults, weightDecay: golden.weightDecay },
        dropout: null,
        isFrozen: (name) => !Object.hasOwn(expected, name),
      });
    const stages = await Promise.all(evenStages(model.config.numLayers, numStages).map(load));
    const files = { save: () => Promise.resolve(), restore: () => Promise.resolve() };
    const pipeline = new LocalPipeline({ stages, shared: null, files, now: () => 0 });
    for (const [index, expectedLoss] of golden.losses.entries()) {
      const { loss, gradientNorm } = await pipeline.accumulate({ step: index + 1, microBatches: [batch] });
      expect(Math.abs(loss / expectedLoss - 1), `loss of step ${index + 1}`).toBeLessThan(1e-5);
      expect(Math.abs(gradientNorm / golden.norms[index]! - 1), `norm of step ${index + 1}`).toBeLessThan(1e-5);
      await pipeline.apply({ step: index + 1, learningRate: golden.learningRate, gradientScale: 1 });
    }
    expect(stages.flatMap(({ trained }) => trained).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const stage of stages) {
      for (const name of stage.trained) {
        const { data } = await stage.readState(name);
        expect(largestError(data, expected[name]!.data), name).toBeLessThan(2e-5);
      }
    }
    await pipeline.close();
  });

  test("the merged model's logits are those of peft's merged model", async () => {
    const { model, lora, weights, batch } = await openLoraCase();
    const adapter = await readAdapter("trained", model, lora);
    const merged: Record<string, HostTensor> = { ...weights, ...adapter };
    for (const module of lora.modules) {
      const { shape, data } = weights[`${module}.weight`]!;
      const own = Float32Array.from(data);
      const [a, b] = [loraNames(module).a, loraNames(module).b].map((name) => adapter[name]!.data as Float32Array);
      mergeLora(own, { a: a!, b: b! }, lora);
      merged[`${module}.weight`] = { dtype: "float32", shape, data: own };
    }
    const graph = stageGraph(
      { ...model, lora: undefined },
      { start: 0, end: model.config.numLayers },
      { task: model.task },
    );
    const executable = await engine.compile(graph, hostParameters(merged));
    const { logits } = await runToHost(executable, trainingStageInputs(model, graph.inputs, batch));
    await executable.dispose();
    expect(largestError(logits!.data, golden.logits.flat())).toBeLessThan(1e-5);
  });
});
