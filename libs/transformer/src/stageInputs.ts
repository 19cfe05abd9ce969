/**
 * @file The input tensors of a stage's graph for one micro-batch, computed from what travels: ids on the first stage, hidden
 * rows on others, and the lengths of the texts.
 */
import { nameOf, type Graph } from "@stagecoach/graph";
import type { EncoderModel } from "./encoderModel.ts";
import { BatchError } from "./errors.ts";
import { packLengths, positionIds, type Packing } from "./packing.ts";
import { relativePositionBuckets } from "./relativePositionBias.ts";

/** What the first stage gets: packed ids of B texts. */
export type TokenBatch = {
  /** `[T]` */
  readonly inputIds: Int32Array;
  /** `[T]`; families without segments do not read it. */
  readonly tokenTypeIds: Int32Array;
  /** `[B]` */
  readonly lengths: Int32Array;
  /** `[M]`: packed rows for which a masked-LM head gives scores; other models do not read them. */
  readonly maskedRows?: Int32Array;
  /** `[K, 2]`: layer and head of each probability matrix that is wanted, by layer; only the graph of attention gives them. */
  readonly attentionHeads?: Int32Array;
};

/** What other stages get: packed activations. */
export type HiddenBatch = {
  /** `[T, D]` */
  readonly hidden: Float32Array;
  /** `[B]` */
  readonly lengths: Int32Array;
  /** `[M]`: as of TokenBatch. */
  readonly maskedRows?: Int32Array;
  /** `[K, 2]`: as of TokenBatch. */
  readonly attentionHeads?: Int32Array;
};

export type StageInput = {
  readonly dtype: "float32" | "int32";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
};

/** How to make each input that a batch can give, by name. */
export type InputSources = Readonly<Record<string, () => StageInput>>;

/**
 * @throws BatchError when counts do not fit together, a text is longer than the model allows, or an id is out of range
 */
export function stageInputs(
  model: EncoderModel,
  graph: Graph,
  batch: TokenBatch | HiddenBatch,
): Record<string, StageInput> {
  const sources = inputSources(model, batch, packLengths(batch.lengths));
  return Object.fromEntries(
    graph.inputs.map((node) => {
      const name = nameOf(node);
      const source = sources[name];
      if (source === undefined) throw new Error(`internal: nothing gives the stage input "${name}"`);
      return [name, source()];
    }),
  );
}

/** @throws BatchError as stageInputs */
export function inputSources(model: EncoderModel, batch: TokenBatch | HiddenBatch, packing: Packing): InputSources {
  const { config } = model;
  if (packing.longest > config.maxLength) {
    throw new BatchError(`stage: expected texts of at most ${config.maxLength} tokens, got one of ${packing.longest}`);
  }
  const [B, L, T] = [packing.numTexts, packing.longest, packing.numTokens];
  const ids = (data: Int32Array, ...shape: number[]): StageInput => ({ dtype: "int32", shape, data });
  const own = "hidden" in batch ? hiddenInputs(model, batch, packing) : tokenInputs(model, batch, packing);
  return {
    ...own,
    unpack_index: () => ids(packing.unpackIndex, B, L),
    pack_index: () => ids(packing.packIndex, T),
    first_index: () => ids(packing.firstIndex, B),
    last_index: () => ids(packing.lastIndex, B),
    masked_rows: () => maskedRows(batch.maskedRows, T),
    relative_position_buckets: () => ids(relativePositionBuckets(L, config.relativeAttentionBuckets), L, L),
  };
}

function tokenInputs({ family, config }: EncoderModel, batch: TokenBatch, { numTokens: T }: Packing): InputSources {
  expectLength("input_ids", batch.inputIds.length, T);
  expectLength("token_type_ids", batch.tokenTypeIds.length, T);
  expectRange("token id", batch.inputIds, config.vocabSize);
  if (config.typeVocabSize > 0) expectRange("segment id", batch.tokenTypeIds, config.typeVocabSize);
  const ids = (data: Int32Array) => (): StageInput => ({ dtype: "int32", shape: [T], data });
  return {
    input_ids: ids(batch.inputIds),
    token_type_ids: ids(batch.tokenTypeIds),
    position_ids: () => ids(positionIds(batch.inputIds, batch.lengths, family.positions(config)))(),
  };
}

function hiddenInputs({ config }: EncoderModel, { hidden }: HiddenBatch, { numTokens: T }: Packing): InputSources {
  expectLength("hidden", hidden.length, T * config.hiddenSize);
  return { hidden: () => ({ dtype: "float32", shape: [T, config.hiddenSize], data: hidden }) };
}

/** An engine takes no empty dimension: where nothing is masked, the scores of the first row are computed, and nobody asks for them. */
function maskedRows(rows: Int32Array = new Int32Array(), numTokens: number): StageInput {
  expectRange("masked row", rows, numTokens);
  const data = rows.length === 0 ? Int32Array.of(0) : rows;
  return { dtype: "int32", shape: [data.length], data };
}

function expectLength(name: string, length: number, expected: number): void {
  if (length !== expected)
    throw new BatchError(`stage: "${name}": expected ${expected} values for these lengths, got ${length}`);
}

function expectRange(what: string, ids: Int32Array, size: number): void {
  const wrong = ids.find((id) => id < 0 || id >= size);
  if (wrong !== undefined) throw new BatchError(`stage: expected every ${what} from 0 to ${size - 1}, got ${wrong}`);
}
