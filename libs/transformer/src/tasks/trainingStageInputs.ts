/**
 * @file The input tensors of a training stage for one micro-batch: those of serving (stageInputs.ts), and the targets.
 *
 * Targets come from other people's data, so they are checked here, once, before an engine reads rows by them.
 *
 * Dimensions: T packed tokens, B texts, L longest text, M labelled rows, Q questions, C classes or choices.
 */
import { nameOf, type Tensor } from "@stagecoach/graph";
import { BatchError } from "../errors.ts";
import { packLengths, type Packing } from "../packing.ts";
import { inputSources, type HiddenBatch, type InputSources, type StageInput } from "../stageInputs.ts";
import type { Target, TrainingBatch } from "./task.ts";
import { HIDDEN_LOSS } from "./hiddenLoss.ts";
import type { TaskModel } from "./taskModel.ts";
import { STATES } from "./trainingStageGraph.ts";

/** What stages after the first get: activations, and the targets, which only the last one reads. */
export type HiddenTrainingBatch = HiddenBatch & Pick<TrainingBatch, "targets">;

/** transformers' and PyTorch's label for what is not to be learned. */
const IGNORED_LABEL = -100;

/**
 * Values for those of `inputs` that follow from the batch. Masks, scales, gradients and tensors that the engine holds are the
 * caller's; an engine refuses a run that lacks one.
 *
 * @param inputs - of the traced graph
 * @throws BatchError as stageInputs; and for targets that are missing, of another shape or data type than the task's, or
 *   out of range
 */
export function trainingStageInputs(
  model: TaskModel,
  inputs: readonly Tensor[],
  batch: Pick<TrainingBatch, "inputIds" | "tokenTypeIds" | "lengths" | "targets"> | HiddenTrainingBatch,
): Record<string, StageInput> {
  const packing = packLengths(batch.lengths);
  const sources: InputSources = {
    ...inputSources(model, batch, packing),
    key_mask: () => keyMask(batch.targets, packing),
  };
  const ranges = targetRanges(model, packing);
  const result: Record<string, StageInput> = {};
  for (const node of inputs) {
    const name = nameOf(node);
    const range = ranges[name];
    const value = range === undefined ? sources[name]?.() : checkedTarget(node, batch.targets, range);
    if (value !== undefined) result[name] = value;
  }
  expectOneSize(inputs, result);
  return result;
}

/** Smallest and largest allowed value of each entry. */
type Range = (index: number) => readonly [number, number];
/** What other stages and teachers give is not looked through. */
const anything: Range | null = null;

function targetRanges({ task, config }: TaskModel, { numTokens, numTexts, firstIndex, lastIndex }: Packing) {
  const upTo = (count: number): Range => {
    const range = [0, count - 1] as const;
    return () => range;
  };
  const places: Range = (text) => [0, (lastIndex[text] ?? 0) - (firstIndex[text] ?? 0)];
  const ranges: Record<string, Range | null> = {
    label_rows: upTo(numTokens),
    masked_rows: upTo(numTokens),
    masked_labels: upTo(config.vocabSize),
    next_sentence_labels: upTo(2),
    start_positions: places,
    end_positions: places,
    choice_index: upTo(numTexts),
    anchor_rows: upTo(numTexts),
    candidate_rows: upTo(numTexts),
    similarities: () => [-1, 1],
    teacher_logits: () => [-Number.MAX_VALUE, Number.MAX_VALUE],
    teacher_vectors: () => [-Number.MAX_VALUE, Number.MAX_VALUE],
    taught_rows: upTo(numTokens),
    teacher_states: anything,
    [HIDDEN_LOSS]: anything,
    [STATES]: anything,
    labels: labelRange(task),
  };
  return ranges;
}

function labelRange(task: TaskModel["task"]): Range {
  if (task.name === "multiple-choice") return () => [0, task.numChoices - 1];
  if (!("numLabels" in task)) return () => [0, 0];
  const isReal = "problemType" in task && task.problemType !== "single_label_classification";
  if (!isReal) return () => [0, task.numLabels - 1];
  return task.problemType === "regression" ? () => [-Number.MAX_VALUE, Number.MAX_VALUE] : () => [0, 1];
}

function checkedTarget(node: Tensor, targets: TrainingBatch["targets"], range: Range | null): Target {
  const name = nameOf(node);
  const target = targets[name];
  if (target === undefined) {
    const given = Object.keys(targets).join(", ") || "none";
    throw new BatchError(`target "${name}": expected it in the batch, got ${given}`);
  }
  const { dtype, shape, data } = target;
  const fits =
    dtype === node.dtype &&
    shape.length === node.shape.length &&
    shape.every((size, axis) => typeof node.shape[axis] === "string" || node.shape[axis] === size) &&
    data.length === shape.reduce((a, b) => a * b, 1);
  if (!fits) {
    throw new BatchError(
      `target "${name}": expected ${node.dtype} of shape [${node.shape.join(", ")}], got ${data.length} values of ${dtype} with shape [${shape.join(", ")}]`,
    );
  }
  if (range === null) return target;
  const isLabel = name === "labels" || name.endsWith("_labels");
  data.forEach((value, index) => {
    const [least, most] = range(index);
    const isIgnored = isLabel && dtype === "int32" && value === IGNORED_LABEL;
    if (!isIgnored && !(value >= least && value <= most))
      throw new BatchError(`target "${name}": expected values from ${least} to ${most}, got ${value} at ${index}`);
  });
  return target;
}

/** A symbol is one size in all inputs: as many labels as rows, as many spans as texts. */
function expectOneSize(inputs: readonly Tensor[], values: Readonly<Record<string, StageInput>>): void {
  const sizes = new Map<string, { readonly size: number; readonly name: string }>();
  for (const node of inputs) {
    const value = values[nameOf(node)];
    if (value === undefined) continue;
    node.shape.forEach((dim, axis) => {
      if (typeof dim !== "string") return;
      const size = value.shape[axis]!;
      const known = sizes.get(dim);
      if (known !== undefined && known.size !== size) {
        throw new BatchError(
          `target "${nameOf(node)}": expected ${known.size} entries on axis ${axis}, as "${known.name}" has, got ${size}`,
        );
      }
      sizes.set(dim, known ?? { size, name: nameOf(node) });
    });
  }
}

/** The target `attention_mask` `[T]` as `[B, L]`. */
function keyMask(
  targets: TrainingBatch["targets"],
  { unpackIndex, numTexts, numTokens, longest }: Packing,
): StageInput {
  const mask = targets["attention_mask"];
  if (mask === undefined || mask.data.length !== numTokens) {
    throw new BatchError(
      `target "attention_mask": expected ${numTokens} values, one per packed row, got ${mask?.data.length ?? "none"}`,
    );
  }
  const { data } = mask;
  return {
    dtype: "int32",
    shape: [numTexts, longest],
    data: unpackIndex.map((row) => (row >= 0 && data[row]! > 0 ? 1 : 0)),
  };
}
