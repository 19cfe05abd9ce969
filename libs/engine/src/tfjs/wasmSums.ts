/** @file Sums on the wasm backend, whose own kernel adds values one by one, so that the error grows with their number. */
import { sizeOfShape } from "@stagecoach/graph";
import type { TfModule, TfTensor } from "./tf.ts";

/** Values that are added one by one; longer rows are summed in blocks, and then the sums of the blocks. */
const BLOCK = 64;

/** Sums, one per place of the axes that stay, as a vector. */
export function sumOverAxes(tf: TfModule, x: TfTensor, axes: readonly number[]): TfTensor {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const count = sizeOfShape(axes.map((axis) => x.shape[axis]));
  const isInner = axes.every((axis, place) => axis === kept.length + place);
  const rows = isInner ? x : tf.transpose(x, [...kept, ...axes]);
  return sumRows(tf, tf.reshape(rows, [sizeOfShape(x.shape) / count, count]));
}

function sumRows(tf: TfModule, rows: TfTensor): TfTensor {
  const [outer, count] = rows.shape;
  if (count <= BLOCK) return tf.sum(rows, [1], false);
  const numBlocks = Math.floor(count / BLOCK);
  const whole = numBlocks * BLOCK;
  const head = whole === count ? rows : tf.slice(rows, [0, 0], [outer, whole]);
  const blocks = tf.sum(tf.reshape(head, [outer * numBlocks, BLOCK]), [1], false);
  const total = sumRows(tf, tf.reshape(blocks, [outer, numBlocks]));
  if (whole === count) return total;
  return tf.add(total, tf.sum(tf.slice(rows, [0, whole], [outer, count - whole]), [1], false));
}
