/** @file Encodings of different lengths as rows of one matrix. Follows Rust's `pad_encodings` (tokenizers 0.23.3). */
import { TokenizerError, describe } from "./errors.ts";

export type PaddingSide = "right" | "left";

export type Padding = {
  /** "longest" (default): as long as the longest row; a number: at least that long. Longer rows are never cut. */
  readonly length?: "longest" | number;
  /** Side on which padding goes; default "right". */
  readonly side?: PaddingSide;
  /** The length is rounded up to a multiple of this. */
  readonly padToMultipleOf?: number;
  readonly padId?: number;
  readonly padTypeId?: number;
};

/** What can be padded: what `encodeIds`, `encode` and `wrapIds` return. */
export type Paddable = { readonly ids: Int32Array; readonly typeIds: Int32Array };

/** Row-major matrices of `numRows` rows and `length` columns. */
export type PaddedBatch = {
  readonly numRows: number;
  readonly length: number;
  readonly ids: Int32Array;
  /** 1 for tokens, 0 for padding. */
  readonly attentionMask: Int32Array;
  readonly typeIds: Int32Array;
};

/**
 * @param rows - at least none; no row gives matrices of no elements
 * @throws TokenizerError when a row is longer than a fixed length, or an option is not a whole number
 */
export function padBatch(rows: readonly Paddable[], padding: Padding = {}): PaddedBatch {
  const length = paddedLength(rows, padding);
  const size = rows.length * length;
  const ids = new Int32Array(size).fill(padding.padId ?? 0);
  const typeIds = new Int32Array(size).fill(padding.padTypeId ?? 0);
  const attentionMask = new Int32Array(size);
  for (const [i, row] of rows.entries()) {
    const start = i * length + (padding.side === "left" ? length - row.ids.length : 0);
    ids.set(row.ids, start);
    typeIds.set(row.typeIds, start);
    attentionMask.fill(1, start, start + row.ids.length);
  }
  return { numRows: rows.length, length, ids, attentionMask, typeIds };
}

function paddedLength(rows: readonly Paddable[], padding: Padding): number {
  const multiple = requireWhole(padding.padToMultipleOf ?? 1, "padToMultipleOf");
  const longest = rows.reduce((max, row) => Math.max(max, row.ids.length), 0);
  const wanted = typeof padding.length === "number" ? requireWhole(padding.length, "length") : longest;
  const length = Math.ceil(wanted / multiple) * multiple;
  if (longest <= length) return length;
  throw new TokenizerError(
    "encode_option_invalid",
    `padding: length ${length} is less than the longest row of ${longest} tokens (truncate, or pad to "longest")`,
  );
}

function requireWhole(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new TokenizerError(
    "encode_option_invalid",
    `padding: ${name} must be a whole number above 0, got ${describe(value)}`,
  );
}
