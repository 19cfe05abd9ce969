/**
 * @file Ours: one training step of the whole model, behind the line protocol of the peers.
 *
 * usage: oursTrainStep.ts MODEL_DIR TEXTS LENGTH THREADS DROPOUT [recompute] [profile]
 * `step`: one step, with the time of its phases; `products`: the step's matrix products alone, each by itself;
 * `breakdown` (with `profile`): time per step by operator since the start.
 */
import { createOnnxRuntimeEngine, type OrtModule } from "@stagecoach/engine";
import { LoopThreads } from "@stagecoach/engine/node";
import { adamWDefaults, TrainingStage } from "@stagecoach/training";
import { openInitialParameters } from "@stagecoach/training/node";
import type { TaskModel, TrainingBatch } from "@stagecoach/transformer";
import * as ort from "onnxruntime-node";
import { createInterface } from "node:readline";
import { stepProducts } from "../harness/stepProducts.ts";
import { profiled } from "../harness/profiled.ts";

const [folder, texts, length, threads, rate, ...flags] = process.argv.slice(2);
const [B, L, dropout] = [Number(texts), Number(length), Number(rate)];
const profile = flags.includes("profile") ? profiled(ort as unknown as OrtModule) : null;
const engine = createOnnxRuntimeEngine(profile?.ort ?? (ort as unknown as OrtModule), {
  version: ort.env.versions.node ?? "",
  threads: Number(threads),
  spinning: false,
  loops: new LoopThreads(Number(threads)),
});
const parameters = await openInitialParameters(folder!, {
  task: { name: "sequence-classification", problemType: "single_label_classification", numLabels: 2 },
  seed: 0,
  replaceHead: true,
});
const model: TaskModel = parameters.model;
const stage = await TrainingStage.load({
  engine,
  model,
  layers: { start: 0, end: model.config.numLayers },
  parameter: parameters.parameter,
  optimizer: adamWDefaults,
  dropout: dropout === 0 ? null : { seed: 0, rates: { hidden: dropout, attention: dropout, classifier: dropout } },
  recompute: flags.includes("recompute"),
});
await parameters.close();

const batch: TrainingBatch = {
  inputIds: Int32Array.from({ length: B * L }, (_, place) => 1000 + ((place * 7919) % 20_000)),
  tokenTypeIds: new Int32Array(B * L),
  lengths: new Int32Array(B).fill(L),
  textIds: Int32Array.from({ length: B }, (_, text) => text),
  targets: { labels: { dtype: "int32", shape: [B], data: Int32Array.from({ length: B }, (_, text) => text % 2) } },
  counts: { labels: B },
};
let numSteps = 0;

async function step(): Promise<Record<string, number>> {
  const marks = [performance.now()];
  const mark = () => marks.push(performance.now());
  await stage.forward(batch, { microBatch: 0, numMicroBatches: 1, scales: { labels: 1 / B } });
  mark();
  await stage.backward(0, null);
  mark();
  await stage.squares();
  mark();
  await stage.apply({ step: ++numSteps, learningRate: 2e-5, gradientScale: 1 });
  mark();
  const [forward, backward, norm, update] = marks.slice(1).map((end, index) => end - marks[index]!);
  return { ms: marks.at(-1)! - marks[0]!, forward: forward!, backward: backward!, norm: norm!, update: update! };
}

const tasks: Record<string, () => Promise<Record<string, number>>> = {
  step,
  products: () => stepProducts({ engine, model, sizes: { B, L, T: B * L } }),
  breakdown: () => Promise.resolve(profile!.breakdown()),
};
for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await tasks[line]!()));
await stage.close();
await engine.dispose();
