/**
 * @file Rows of logits: reading them from outputs, and the losses of PyTorch on them, in float64.
 *
 * Dimensions: R rows (texts, tokens or questions), C classes.
 */
import { MetricError } from "../../errors.ts";
import type { EvaluatedBatch, TaskOutputs } from "./accumulator.ts";

/** `[R, C]` */
export type Rows = { readonly numRows: number; readonly numColumns: number; readonly data: ArrayLike<number> };

/** @throws MetricError when the output is missing, or has not so many rows */
export function rowsOf(outputs: TaskOutputs, name: string, numRows?: number): Rows {
  const output = outputs[name];
  if (output === undefined) {
    throw new MetricError(`metrics: expected the output ${name}, got ${Object.keys(outputs).join(", ") || "none"}`);
  }
  const [rows = 1, ...rest] = output.shape;
  const numColumns = rest.reduce((product, size) => product * size, 1);
  if (output.data.length !== rows * numColumns || (numRows !== undefined && rows !== numRows)) {
    throw new MetricError(
      `metrics: expected the output ${name} to have ${numRows ?? rows} rows, got shape [${output.shape.join(", ")}] with ${output.data.length} values`,
    );
  }
  return { numRows: rows, numColumns, data: output.data };
}

/** @throws MetricError when the batch has no such target */
export function targetOf({ batch }: EvaluatedBatch, name: string): ArrayLike<number> {
  const target = batch.targets[name];
  if (target === undefined) {
    throw new MetricError(
      `metrics: expected the target ${name}, got ${Object.keys(batch.targets).join(", ") || "none"}`,
    );
  }
  return target.data;
}

/** @throws MetricError when a label is not one of C classes */
export function expectLabel(label: number, numClasses: number): void {
  if (!Number.isInteger(label) || label < 0 || label >= numClasses) {
    throw new MetricError(`metrics: expected a label from 0 to ${numClasses - 1}, got ${label}`);
  }
}

/** Place of the largest value of a row; the first of equal ones. */
export function argMax({ data, numColumns }: Rows, row: number): number {
  const start = row * numColumns;
  let best = 0;
  for (let column = 1; column < numColumns; column++) if (data[start + column]! > data[start + best]!) best = column;
  return best;
}

/** `log(softmax(row))[column]`: less its sign, torch.nn.functional.cross_entropy of one row. */
export function logProbability({ data, numColumns }: Rows, row: number, column: number): number {
  const start = row * numColumns;
  return data[start + column]! - logSumExp(numColumns, (index) => data[start + index]!);
}

export function logSumExp(count: number, valueAt: (index: number) => number): number {
  let highest = -Infinity;
  for (let index = 0; index < count; index++) highest = Math.max(highest, valueAt(index));
  let sum = 0;
  for (let index = 0; index < count; index++) sum += Math.exp(valueAt(index) - highest);
  return highest + Math.log(sum);
}
