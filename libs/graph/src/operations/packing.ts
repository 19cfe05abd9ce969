/**
 * @file Between packed rows and padded batches: `unpack` and `pack`, each the other's gradient.
 *
 * Activations are packed: the T real tokens of B texts are T rows, with no padding between them. Only attention (and
 * pooling) need texts side by side, as `[B, L, ...]` with padding after the shorter ones. Two index tensors say where the
 * rows go (libs/transformer/src/packing.ts makes them from the lengths):
 *
 * - `unpackIndex` `[B, L]`: the packed row at each place, -1 for padding;
 * - `packIndex` `[T]`: for each packed row its place `b * L + l`.
 *
 * Dimensions: T packed tokens, B batch, L longest text of the batch.
 */
import { formatShape, isWildcard } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { record, type Operation } from "../operation.ts";
import { expectDType, type Tensor } from "../tensor.ts";

export const unpackOperation: Operation = {
  name: "unpack",
  infer([x, unpackIndex, packIndex]) {
    expectDType("unpack: unpackIndex", unpackIndex!, "int32");
    expectDType("unpack: packIndex", packIndex!, "int32");
    expectDType("unpack", x!, "float32");
    expectIndices("unpack", unpackIndex!, packIndex!);
    if (x!.shape[0] !== packIndex!.shape[0] && !isWildcard(x!.shape[0] ?? "")) {
      throw new ShapeError(`unpack: expected ${packIndex!.shape[0]} rows, got ${formatShape(x!.shape)}`);
    }
    return { shape: [...unpackIndex!.shape, ...x!.shape.slice(1)], dtype: "float32" };
  },
  gradient: ({ inputs: [, unpackIndex, packIndex], gradient }) => [
    pack(gradient, unpackIndex!, packIndex!),
    null,
    null,
  ],
};

/** Packed rows `[T, ...]` as a padded batch `[B, L, ...]`; padding is zero. */
export const unpack = (x: Tensor, unpackIndex: Tensor, packIndex: Tensor): Tensor =>
  record(unpackOperation, [x, unpackIndex, packIndex], {});

export const packOperation: Operation = {
  name: "pack",
  infer([x, unpackIndex, packIndex]) {
    expectDType("pack: unpackIndex", unpackIndex!, "int32");
    expectDType("pack: packIndex", packIndex!, "int32");
    expectDType("pack", x!, "float32");
    expectIndices("pack", unpackIndex!, packIndex!);
    const [B, L] = unpackIndex!.shape;
    const fits = x!.shape.length >= 2 && x!.shape[0] === B && x!.shape[1] === L;
    if (!fits && !x!.shape.some(isWildcard)) {
      throw new ShapeError(`pack: expected shape ${formatShape([B!, L!, "..."])}, got ${formatShape(x!.shape)}`);
    }
    return { shape: [packIndex!.shape[0]!, ...x!.shape.slice(2)], dtype: "float32" };
  },
  gradient: ({ inputs: [, unpackIndex, packIndex], gradient }) => [
    unpack(gradient, unpackIndex!, packIndex!),
    null,
    null,
  ],
};

/** The rows of a padded batch `[B, L, ...]` that hold real tokens, as `[T, ...]`. */
export const pack = (x: Tensor, unpackIndex: Tensor, packIndex: Tensor): Tensor =>
  record(packOperation, [x, unpackIndex, packIndex], {});

function expectIndices(where: string, unpackIndex: Tensor, packIndex: Tensor): void {
  if (unpackIndex.shape.length !== 2 || packIndex.shape.length !== 1) {
    throw new ShapeError(
      `${where}: expected unpackIndex [B, L] and packIndex [T], got ${formatShape(unpackIndex.shape)} and ${formatShape(packIndex.shape)}`,
    );
  }
}
