/**
 * @file Values of weights that a checkpoint does not have: a new head, or a whole model from scratch.
 *
 * transformers' _init_weights: normal with deviation `initializer_range` and mean 0; biases 0, norms 1; the padding token's row
 * of a table 0; peft's for adapters. Keyed by seed and name, so that they are the same however the model is split.
 */
import { float32, type HostTensor } from "@stagecoach/engine";
import { paddingRows, type TaskModel, type TaskParameter } from "@stagecoach/transformer";
import { RandomSequence } from "../random/randomSequence.ts";

export type NewParameterOptions = {
  readonly model: TaskModel;
  readonly seed: number;
  /** `initializer_range` of config.json */
  readonly deviation: number;
};

export function newParameter(
  { name, shape, initialization }: TaskParameter,
  { model, seed, deviation }: NewParameterOptions,
): HostTensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = new Float32Array(size);
  if (initialization === "ones") values.fill(1);
  if (initialization === "uniform") {
    const random = RandomSequence.of(seed, `init.${name}`);
    const bound = 1 / Math.sqrt(shape[1]!);
    for (let at = 0; at < size; at++) values[at] = (2 * random.uniform() - 1) * bound;
  }
  if (initialization === "normal") {
    const random = RandomSequence.of(seed, `init.${name}`);
    for (let at = 0; at < size; at++) values[at] = random.normal() * deviation;
    const row = paddingRows(model)[name];
    const width = shape[1] ?? 1;
    if (row !== undefined) values.fill(0, row * width, (row + 1) * width);
  }
  return float32(values, shape);
}
