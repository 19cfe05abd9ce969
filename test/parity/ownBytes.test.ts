/** @file A stage touches the bytes of its own layers, and together the stages touch every byte that the model needs once. */
import { createReferenceEngine } from "@stagecoach/engine";
import { loadEngine } from "@stagecoach/engine/node";
import { modelCosts, planStages, Stage } from "@stagecoach/parallel";
import type { LayerRange } from "@stagecoach/transformer";
import { openModelFolder } from "@stagecoach/transformer/node";
import { describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";

const now = () => performance.now();

describe("Stage.load()", () => {
  // Converted checkpoints are read, so the reads can be counted; float32 ones are mapped by the engine.
  test.each(["bert-float16", "bert-bfloat16"])("reads the tensors of its own layers only (%s)", async (name) => {
    const engine = await loadEngine("onnxruntime", { threads: 1 });
    await using folder = await openModelFolder(`${fixtures}encoders/${name}`);
    const { hiddenSize: D, intermediateSize: F, vocabSize: V, maxPositions: P, typeVocabSize: K } = folder.model.config;
    const layerBytes = 2 * (4 * (D * D + D) + 2 * (2 * D) + (D * F + F) + (F * D + D));
    const embeddingBytes = 2 * (V * D + P * D + K * D + 2 * D);
    const ranges: LayerRange[] = [
      { start: 0, end: 1 },
      { start: 1, end: 2 },
      { start: 1, end: 3 },
    ];
    for (const layers of ranges) {
      await using own = await openModelFolder(folder.folder);
      const stage = await Stage.load({ engine, model: own.model, weights: own.weights, layers, now });
      const expected = (layers.end - layers.start) * layerBytes + (layers.start === 0 ? embeddingBytes : 0);
      expect(own.weights.encoder.bytesRead, JSON.stringify(layers)).toBe(expected);
      expect(stage.facts.parameterBytes).toBe(expected);
      await stage.close();
    }
  });

  test("maps a float32 checkpoint instead of reading it, each stage its own part", async () => {
    const engine = await loadEngine("onnxruntime", { threads: 1 });
    await using whole = await openModelFolder(`${fixtures}encoders/bert`);
    let mapped = 0;
    for (const layers of planStages(modelCosts(whole.model), 3)) {
      await using own = await openModelFolder(whole.folder);
      const stage = await Stage.load({ engine, model: own.model, weights: own.weights, layers, now });
      expect(own.weights.encoder.bytesRead).toBe(0);
      mapped += stage.facts.parameterBytes;
      await stage.close();
    }
    const { model, weights } = whole;
    await Stage.load({ engine: createReferenceEngine(), model, weights, layers: { start: 0, end: 3 }, now });
    expect(weights.encoder.bytesRead).toBe(mapped);
  });
});
