/**
 * @file An adapter's folder as peft writes it, opened on its base: logits of the model, of its merged weights, and of executables beside the
 * base's shared program, against those of peft's merged model.
 *
 * Expected values: test/fixtures/lora (tools/oracles/lora.py).
 */
import { runToHost, type Engine } from "@stagecoach/engine";
import { checkpointParameters } from "@stagecoach/parallel";
import { stageGraph, trainingStageInputs, type LayerRange, type TaskModel } from "@stagecoach/transformer";
import { openModelFolder, openSafetensors, openWholeWeights, type ModelFolder } from "@stagecoach/transformer/node";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { engines } from "./engines.ts";
import { goldenTaskBatch } from "./taskBatch.ts";
import { evenStages } from "./taskPipeline.ts";

const base = `${fixtures}tasks/bert-class-weights`;
const golden = JSON.parse(readFileSync(`${fixtures}lora/golden.json`, "utf8")) as { logits: readonly number[][] };
const TOLERANCE = 1e-5;

let parent: string;
let folder: string;
let opened: ModelFolder;
let batch: Awaited<ReturnType<typeof goldenTaskBatch>>["batch"];
beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), "stagecoach-lora-beside-"));
  folder = join(parent, "adapter");
  cpSync(`${fixtures}lora/trained`, folder, { recursive: true });
  cpSync(`${base}/config.json`, join(folder, "config.json"));
  const path = join(folder, "adapter_config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...config, base_model_name_or_path: base }));
  opened = await openModelFolder(folder);
  await using tensors = await openSafetensors(`${base}/golden.safetensors`);
  ({ batch } = await goldenTaskBatch(tensors, opened.task!, false));
});
afterAll(async () => {
  await opened.close();
  rmSync(parent, { recursive: true, force: true });
});

type Compile = (
  engine: Engine,
  graph: ReturnType<typeof stageGraph>,
  layers: LayerRange,
) => ReturnType<Engine["compile"]>;

async function logitsOf(engine: Engine, model: TaskModel, run: { stages: readonly LayerRange[]; compile: Compile }) {
  let arriving: Parameters<typeof trainingStageInputs>[2] = batch;
  for (const layers of run.stages) {
    const graph = stageGraph(model, layers, { task: model.task });
    const executable = await run.compile(engine, graph, layers);
    const outputs = await runToHost(executable, trainingStageInputs(model, graph.inputs, arriving));
    await executable.dispose();
    if (outputs["logits"] !== undefined) return outputs["logits"].data;
    const hidden = Float32Array.from(outputs["last_hidden_state"]!.data);
    arriving = { hidden, lengths: batch.lengths, targets: batch.targets };
  }
  throw new Error("no stage gave logits");
}

describe.each(Object.keys(engines))("peft's adapter on its base, on %s", (engineName) => {
  let engine: Engine;
  let model: TaskModel;
  beforeAll(async () => {
    engine = await engines[engineName]!();
    model = { ...opened.model, task: opened.task! };
  });
  afterAll(() => engine.dispose());
  const parameters = () => checkpointParameters(opened.model, opened.weights, opened.task);

  test.each([1, 2])("in %i stages: the logits are those of peft's merged model", async (numStages) => {
    const stages = evenStages(model.config.numLayers, numStages);
    const compile: Compile = (each, graph) => each.compile(graph, parameters());
    expect(largestError(await logitsOf(engine, model, { stages, compile }), golden.logits.flat())).toBeLessThan(
      TOLERANCE,
    );
  });

  test("merged weights give the logits of peft's merged model", async () => {
    await using encoder = await openWholeWeights(folder);
    const whole = { ...model, lora: undefined };
    const merged = () => checkpointParameters(whole, { encoder, modules: new Map() }, opened.task);
    const run = { stages: evenStages(2, 1), compile: ((each, graph) => each.compile(graph, merged())) as Compile };
    expect(largestError(await logitsOf(engine, whole, run), golden.logits.flat())).toBeLessThan(TOLERANCE);
  });

  // Of the engines, only ONNX Runtime can map another graph's weights.
  test.skipIf(engineName !== "onnxruntime").each([1, 2])(
    "in %i stages beside the base's program: the same",
    async (numStages) => {
      await using ofBase = await openModelFolder(base);
      const compile: Compile = async (each, graph, layers) => {
        const program = mkdtempSync(join(parent, "program-"));
        const baseGraph = stageGraph(ofBase.model, layers, { task: ofBase.task! });
        const weights = checkpointParameters(ofBase.model, ofBase.weights, ofBase.task);
        await (await each.compileShared!(baseGraph, weights, { folder: program, isWritten: false })).dispose();
        const isOwn = (name: string) => opened.adapter!.names.has(name);
        return each.compileBeside!(graph, parameters(), { folder: program, isOwn });
      };
      const stages = evenStages(2, numStages);
      expect(largestError(await logitsOf(engine, model, { stages, compile }), golden.logits.flat())).toBeLessThan(
        TOLERANCE,
      );
    },
  );
});
