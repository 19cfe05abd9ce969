/**
 * @file Where packed tokens lie in a padded batch, from the lengths of the texts.
 *
 * A micro-batch travels as packed rows and lengths; each stage computes these indices anew, which is cheaper than sending them.
 *
 * Dimensions: T packed tokens, B batch, L longest text of the batch.
 */
import { input, type Tensor } from "@stagecoach/graph";
import { BatchError } from "./errors.ts";

/** The index inputs of a stage's graph (libs/graph, operations/packing.ts). */
export type PackingIndices = {
  readonly unpackIndex_BL: Tensor;
  readonly packIndex_T: Tensor;
  readonly firstIndex_B: Tensor;
  readonly lastIndex_B: Tensor;
  /**
   * 1 for places that may be attended to, where padding tokens have packed rows of their own, as in programs that pad
   * (tasks/trainingStageGraph.ts, `withPaddingRows`). Without it, all rows may.
   */
  readonly keyMask_BL?: Tensor;
};

/** Inputs that a graph does not use in the end are not part of it. */
export function packingInputs(): PackingIndices {
  return {
    unpackIndex_BL: input("unpack_index", ["B", "L"], "int32"),
    packIndex_T: input("pack_index", ["T"], "int32"),
    firstIndex_B: input("first_index", ["B"], "int32"),
    lastIndex_B: input("last_index", ["B"], "int32"),
  };
}

export type Packing = {
  readonly numTexts: number;
  readonly numTokens: number;
  readonly longest: number;
  /** Row-major `[B, L]`: packed row at each place, -1 for padding. */
  readonly unpackIndex: Int32Array;
  /** `[T]`: place `b * L + l` of each packed row. */
  readonly packIndex: Int32Array;
  /** `[B]`: packed row of each text's first token. */
  readonly firstIndex: Int32Array;
  /** `[B]`: packed row of each text's last token. */
  readonly lastIndex: Int32Array;
};

/**
 * @param lengths - tokens of each text, special tokens included
 * @throws BatchError when there is no text, or one without tokens
 */
export function packLengths(lengths: Int32Array): Packing {
  if (lengths.length === 0) throw new BatchError("packing: expected at least one text, got none");
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const numTokens = lengths.reduce((a, b) => a + b, 0);
  const unpackIndex = new Int32Array(lengths.length * longest).fill(-1);
  const packIndex = new Int32Array(numTokens);
  const firstIndex = new Int32Array(lengths.length);
  const lastIndex = new Int32Array(lengths.length);
  let row = 0;
  lengths.forEach((length, text) => {
    if (length < 1)
      throw new BatchError(`packing: expected at least one token per text, got ${length} in text ${text}`);
    firstIndex[text] = row;
    for (let position = 0; position < length; position++, row++) {
      const place = text * longest + position;
      unpackIndex[place] = row;
      packIndex[row] = place;
    }
    lastIndex[text] = row - 1;
  });
  return { numTexts: lengths.length, numTokens, longest, unpackIndex, packIndex, firstIndex, lastIndex };
}

/** How a family numbers positions. */
export type PositionRule =
  /** 0, 1, 2, ... */
  | { readonly kind: "count" }
  /** From padding + 1; padding tokens get the padding's own row and are not counted (fairseq, so RoBERTa and MPNet). */
  | { readonly kind: "after-padding"; readonly padTokenId: number };

/** Row of the position table for each packed token. */
export function positionIds(inputIds: Int32Array, lengths: Int32Array, rule: PositionRule): Int32Array {
  const positions = new Int32Array(inputIds.length);
  let row = 0;
  for (const length of lengths) {
    let next = rule.kind === "count" ? 0 : rule.padTokenId + 1;
    for (const end = row + length; row < end; row++) {
      const isPadding = rule.kind === "after-padding" && inputIds[row] === rule.padTokenId;
      positions[row] = isPadding ? rule.padTokenId : next++;
    }
  }
  return positions;
}
