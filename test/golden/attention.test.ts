/**
 * @file Attention probabilities of every family, and of an adapter, against transformers' eager attention on every engine.
 *
 * Expected values: test/fixtures/attention (tools/oracles/attention.py; versions in texts.json there).
 */
import { runToHost, type Engine } from "@stagecoach/engine";
import { checkpointParameters } from "@stagecoach/parallel";
import { attentionGraph, attentionOutput, stageInputs, type TokenBatch } from "@stagecoach/transformer";
import { openModelFolder, openSafetensors } from "@stagecoach/transformer/node";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyModel, editJson, type ModelCopy } from "../harness/modelFolders.ts";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { engines } from "./engines.ts";

/** Probabilities are at most 1 and hidden states of size 1 to 4, all in float32 there. */
const TOLERANCE = 1e-6;

const families = ["bert", "roberta", "xlm-roberta", "distilbert", "distilbert-sinusoidal", "mpnet"];

let adapter: ModelCopy;
beforeAll(() => {
  const base = `${fixtures}tasks/bert-class-weights`;
  adapter = copyModel((folder) => {
    cpSync(`${base}/config.json`, join(folder, "config.json"));
    editJson(join(folder, "adapter_config.json"), { base_model_name_or_path: base });
  }, `${fixtures}lora/trained`);
});
afterAll(() => adapter[Symbol.dispose]());

/** Largest error of the probabilities of all layers. */
async function errorOf(engine: Engine, folder: string, name: string): Promise<number> {
  await using golden = await openSafetensors(`${fixtures}attention/${name}.safetensors`);
  await using opened = await openModelFolder(folder);
  const { model, weights, task } = opened;
  const [inputIds, tokenTypeIds] = [await golden.readInt32("input_ids"), await golden.readInt32("token_type_ids")];
  const batch: TokenBatch = { inputIds, tokenTypeIds, lengths: Int32Array.of(inputIds.length) };
  const { numLayers } = model.config;
  const graph = attentionGraph(model, { start: 0, end: numLayers });
  const executable = await engine.compile(graph, checkpointParameters(model, weights, task), { isOccasional: true });
  const outputs = await runToHost(executable, stageInputs(model, graph, batch));
  await executable.dispose();
  const layers = Array.from({ length: numLayers }, (_, layer) => outputs[attentionOutput(layer)]!);
  const [N, L] = golden.entry("probabilities").shape.slice(1);
  for (const { shape } of layers) expect(shape).toEqual([1, N, L, L]);
  const given = layers.flatMap(({ data }) => Array.from(data));
  return largestError(given, await golden.readFloat32("probabilities"));
}

describe.each(Object.keys(engines))("attention on %s", (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engines[engineName]!();
  });
  afterAll(() => engine.dispose());

  test.each(families)("%s: the probabilities of every head are transformers'", async (name) => {
    expect(await errorOf(engine, `${fixtures}encoders/${name}`, name)).toBeLessThan(TOLERANCE);
  });

  test("an adapter beside its base attends as the model into which peft has merged it", async () => {
    expect(await errorOf(engine, adapter.folder, "lora")).toBeLessThan(TOLERANCE);
  });
});
