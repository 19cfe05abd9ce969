/**
 * @file Dropout of what adapters read against peft, whose layers are given the same masks: loss and gradients, on every engine.
 *
 * Expected values: test/fixtures/lora-dropout.json (tools/oracles/lora_dropout.py, where the masks' formula stands).
 */
import { BufferPool, type HostTensor } from "@stagecoach/engine";
import { adamWDefaults, TrainingStage, type MaskMaker } from "@stagecoach/training";
import { adapterTensors } from "@stagecoach/training/node";
import { openSafetensors } from "@stagecoach/transformer/node";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { engines } from "./engines.ts";
import { openLoraCase } from "./loraCase.ts";

const golden = JSON.parse(readFileSync(`${fixtures}lora-dropout.json`, "utf8")) as {
  readonly rate: number;
  readonly adapted: number;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
};

/** The oracle's masks, by the number of each site among `modules`. */
function givenMasks(modules: readonly string[]): MaskMaker & { readonly sites: string[] } {
  const memory = new BufferPool();
  const sites: string[] = [];
  return {
    memory,
    sites,
    make(requests) {
      for (const { site, shape, into, rate } of requests) {
        sites.push(site);
        const module = modules.findIndex((name) => site === `dropout.${name}.lora`);
        const width = shape.kind === "tokens" ? shape.width : Number.NaN;
        for (let at = 0; at < into.length; at++) {
          const [row, column] = [Math.floor(at / width), at % width];
          into[at] = (31 * row + 17 * column + 7 * module) % 10 < 3 ? 0 : 1 / (1 - rate);
        }
      }
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

describe.each(Object.keys(engines))("dropout of adapters on %s", (engineName) => {
  test("loss and gradients are peft's; an evaluation drops nothing", async () => {
    const { model, lora, weights, batch } = await openLoraCase({ dropout: golden.rate });
    const { modules } = lora;
    expect(modules).toHaveLength(golden.adapted);
    await using file = await openSafetensors(`${fixtures}lora/initial/adapter_model.safetensors`);
    const initial: Record<string, HostTensor> = { ...weights };
    const stored = new Map(adapterTensors(model, lora).map((each) => [each.name, each]));
    for (const [name, { shape, stored: named }] of stored)
      initial[name] = { dtype: "float32", shape, data: await file.readFloat32(named) };
    const maskMaker = givenMasks(modules);
    const engine = await engines[engineName]!();
    const stage = await TrainingStage.load({
      engine,
      model,
      layers: { start: 0, end: model.config.numLayers },
      parameter: (name) => Promise.resolve(initial[name]!),
      optimizer: adamWDefaults,
      dropout: { rates: { hidden: 0, attention: 0, classifier: 0, lora: golden.rate }, seed: 0 },
      maskMaker,
      isFrozen: (name) => !stored.has(name),
    });
    const scales = { labels: 1 / batch.counts["labels"]! };
    const { loss } = await stage.forward(batch, { microBatch: 0, numMicroBatches: 1, scales });
    expect(maskMaker.sites.toSorted()).toEqual(modules.map((name) => `dropout.${name}.lora`).toSorted());
    expect(Math.abs(loss!.data[0]! - golden.loss)).toBeLessThan(1e-6);
    await stage.backward(0, null);
    const compared = stage.trained.filter((name) => Object.hasOwn(golden.gradients, stored.get(name)!.stored));
    expect(compared).toHaveLength(Object.keys(golden.gradients).length);
    for (const name of compared) {
      const { data } = await stage.readGradient(name);
      expect(largestError(data, golden.gradients[stored.get(name)!.stored]!), name).toBeLessThan(1e-6);
    }
    const { losses } = JSON.parse(readFileSync(`${fixtures}lora/golden.json`, "utf8")) as { losses: readonly number[] };
    const evaluated = await stage.evaluate(batch, scales);
    expect(Math.abs(evaluated["loss"]!.data[0]! - losses[0]!)).toBeLessThan(1e-5);
    await stage.close();
    await engine.dispose();
  });
});
