/**
 * @file One stage of a model in training, alone in a process: how long its passes and its update take when nobody waits for it.
 *
 * usage: stageAlone.ts MODEL_DIR START END MICRO_BATCHES TEXTS LENGTH THREADS   (layers [START, END), texts of a micro-batch)
 * `step`: the passes of all micro-batches, forward ones first; milliseconds of `forward` and `backward` for one micro-batch, of
 * `norm` (sums of squares) and `update`.
 */
import { loadTrainingStage } from "@stagecoach/training/node";
import { readEncoderModel } from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import { createInterface } from "node:readline";
import { stepSettings, syntheticBatches } from "../harness/syntheticStep.ts";

const [folder, start, end, ...numbers] = process.argv.slice(2);
const [count, texts, length, threads] = numbers.map(Number) as [number, number, number, number];
const layers = { start: Number(start), end: Number(end) };
const { stage, close } = await loadTrainingStage({
  folder: folder!,
  layers,
  engine: "onnxruntime",
  threads,
  settings: stepSettings,
});
const { hiddenSize: D } = (await readEncoderModel(jsonReader(folder!))).config;
const batches = syntheticBatches({ count, texts, length });
const scales = { labels: 1 / (count * texts) };
let numSteps = 0;

for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(await step()));
await close();

async function step(): Promise<Record<string, number>> {
  const [forward, backward] = [[] as number[], [] as number[]];
  for (const [microBatch, batch] of batches.entries()) {
    const given = layers.start === 0 ? batch : { ...batch, hidden: rows() };
    forward.push(await timed(() => stage.forward(given, { microBatch, numMicroBatches: batches.length, scales })));
  }
  for (const microBatch of batches.keys())
    backward.push(await timed(() => stage.backward(microBatch, stage.isLast ? null : rows())));
  const norm = await timed(() => stage.squares());
  const update = await timed(() => stage.apply({ step: ++numSteps, learningRate: 2e-5, gradientScale: 1 }));
  return { forward: mean(forward), backward: mean(backward), norm, update };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** `[T, D]`: activations, or their gradient, of a plausible size. */
function rows(): Float32Array {
  return Float32Array.from({ length: texts * length * D }, (_, place) => Math.sin(place));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
