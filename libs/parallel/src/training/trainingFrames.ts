/**
 * @file Training micro-batches as frames: tokens (or features of them) to the first stage, activations onward with the targets that the last stage
 * needs, gradients back, outputs to the trainer.
 */
import type { HiddenTrainingBatch, Target, TrainingBatch } from "@stagecoach/transformer";
import { FrameError } from "../errors.ts";
import { tensorNamed, type Frame, type FrameTensor } from "../frame.ts";

/** Whether a micro-batch is part of a step, or is only to be evaluated. */
export type TrainingMode = "train" | "evaluate";

/** Which one of its step, and what its loss is divided by (in an evaluation; a step says it once for all). */
export type MicroBatchFacts = {
  readonly mode: TrainingMode;
  /** From 0, within the step. */
  readonly index: number;
  readonly scales: Readonly<Record<string, number>>;
};

export type FrameId = { readonly epoch: number; readonly step: number; readonly microBatch: number };

/** Packed tokens on the first stage, activations on others. */
export type StageTrainingBatch = (TrainingBatch | HiddenTrainingBatch) & Pick<TrainingBatch, "textIds">;

const TARGET = "t.";

const vector = (name: string, data: Int32Array): FrameTensor => ({ name, dtype: "int32", shape: [data.length], data });

function sharedTensors({ lengths, textIds, targets }: Pick<TrainingBatch, "lengths" | "textIds" | "targets">) {
  return [
    vector("lengths", lengths),
    vector("text_ids", textIds),
    ...Object.entries(targets).map(([name, target]): FrameTensor => ({ ...target, name: TARGET + name })),
  ];
}

/** A micro-batch on its way to stage 0. */
export function trainingFrame(id: FrameId, batch: TrainingBatch, facts: MicroBatchFacts): Frame {
  const tensors = [...textTensors(batch), ...sharedTensors(batch)];
  return { ...id, kind: "forward", run: 1, attempt: 0, meta: { ...facts }, tensors };
}

function textTensors({ features, inputIds, tokenTypeIds, lengths }: TrainingBatch): FrameTensor[] {
  if (features === undefined) return [vector("input_ids", inputIds), vector("token_type_ids", tokenTypeIds)];
  const T = lengths.reduce((a, b) => a + b, 0);
  return [{ name: "hidden", dtype: "float32", shape: [T, features.length / T], data: features }];
}

/**
 * Activations on their way to the next stage.
 * @param tensors - what a stage gives: activations `[T, D]` first, and behind them what becomes a target of the stages after it
 */
export function hiddenFrame(frame: Frame, batch: StageTrainingBatch, tensors: readonly FrameTensor[]): Frame {
  const [hidden, ...carried] = tensors;
  if (hidden === undefined) throw new Error("internal: a stage gave nothing");
  const targets = { ...batch.targets, ...Object.fromEntries(carried.map(({ name, ...target }) => [name, target])) };
  return { ...frame, tensors: [{ ...hidden, name: "hidden" }, ...sharedTensors({ ...batch, targets })] };
}

/** Outputs of the last stage on their way to the trainer. */
export function trainingResultFrame(frame: Frame, tensors: readonly FrameTensor[]): Frame {
  return { ...frame, kind: "result", tensors };
}

/** The gradient of what the stage before has sent. @param hidden - `[T, D]` */
export function gradientFrame(id: FrameId, index: number, hidden: FrameTensor): Frame {
  return { ...id, kind: "backward", run: 1, attempt: 0, meta: { index }, tensors: [hidden] };
}

/** Gradient of a weight that the first and the last stage share, on its way to the other of the two. */
export function sharedGradientFrame(id: FrameId, tensor: Omit<FrameTensor, "name">): Frame {
  return { ...id, kind: "shared", run: 1, attempt: 0, meta: {}, tensors: [{ ...tensor, name: "gradient" }] };
}

/** @throws FrameError */
export function factsOf({ meta }: Frame): MicroBatchFacts {
  const { mode, scales } = meta;
  if (mode !== "train" && mode !== "evaluate")
    throw new FrameError(`frame: expected mode train or evaluate, got ${JSON.stringify(mode)}`);
  if (typeof scales !== "object" || scales === null) throw new FrameError("frame: expected scales of the loss");
  return { mode, index: indexOf(meta), scales: scales as Record<string, number> };
}

/** @throws FrameError */
export function indexOf({ index }: Frame["meta"]): number {
  if (typeof index !== "number" || !Number.isSafeInteger(index) || index < 0)
    throw new FrameError(`frame: expected the number of a micro-batch, got ${JSON.stringify(index)}`);
  return index;
}

/**
 * The batch in a frame. Small arrays are copied, since the others may be given away to the engine's thread.
 * @throws FrameError
 */
export function trainingBatchOf(frame: Frame, isFirst: boolean): StageTrainingBatch {
  const int32 = (name: string) => tensorNamed(frame, name, "int32").data as Int32Array;
  const targets: Record<string, Target> = {};
  for (const { name, ...target } of frame.tensors) {
    if (name.startsWith(TARGET)) targets[name.slice(TARGET.length)] = { ...target, data: target.data.slice() };
  }
  const common = { lengths: int32("lengths").slice(), textIds: int32("text_ids").slice(), targets };
  const hasFeatures = frame.tensors.some(({ name }) => name === "hidden");
  if (!isFirst || hasFeatures)
    return { ...common, hidden: tensorNamed(frame, "hidden", "float32").data as Float32Array };
  return { ...common, inputIds: int32("input_ids"), tokenTypeIds: int32("token_type_ids"), counts: {} };
}
