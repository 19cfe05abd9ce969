/**
 * @file The inputs that other programs give an encoder, turned into packed ones inside the ONNX file.
 *
 * `input_ids`, `attention_mask` and, where there are segments to tell apart, `token_type_ids` `[batch, sequence]` int64 come in;
 * the packed inputs of a stage's graph (libs/transformer, stageInputs.ts) go out: real tokens as rows, and the indices between
 * rows and padded places. Padding may stand on either side.
 */
import type { ModelBuilder } from "./modelBuilder.ts";
import { onnxDataTypes, type OnnxValue } from "./onnxModel.ts";

export type PaddedInputFacts = {
  /** Kinds of segments that the model knows. With one (RoBERTa) tokenizers give no `token_type_ids`: all of them are 0. */
  readonly numTokenTypes: number;
  /** How positions are counted; see PositionRule of libs/transformer. */
  readonly positions: { readonly kind: "count" } | { readonly kind: "after-padding"; readonly padTokenId: number };
};

const SHAPE = ["batch", "sequence"] as const;

/** What stands before a graph in a model: the model's inputs, and the value that each input of the graph gets. */
export type Prologue = { readonly inputs: readonly OnnxValue[]; readonly values: Readonly<Record<string, string>> };

/** Emit the nodes that compute packed inputs from padded ones. */
export function paddedInputs(builder: ModelBuilder, { numTokenTypes, positions }: PaddedInputFacts): Prologue {
  builder.enter("inputs");
  const toInt32 = (value: string) => builder.emit("Cast", [value], { attributes: { to: onnxDataTypes.int32 } });
  const flat = (value: string) => builder.emit("Reshape", [value, builder.int64([-1])]);
  const mask = toInt32("attention_mask");
  const isReal = builder.emit("Cast", ["attention_mask"], { attributes: { to: onnxDataTypes.bool } });
  const places = builder.emit("Reshape", [builder.emit("NonZero", [flat(mask)]), builder.int64([-1])]);
  const realOf = (value: string) => toInt32(builder.emit("Gather", [flat(value), places], { attributes: { axis: 0 } }));

  const rows = builder.emit("Sub", [builder.emit("CumSum", [flat(mask), builder.int32(0)]), builder.int32(1)]);
  const rowsByPlace = builder.emit("Reshape", [rows, builder.emit("Shape", ["attention_mask"])]);
  const lengths = builder.emit("ReduceSum", [mask, builder.int64([1])], { attributes: { keepdims: 0 } });
  const ends = builder.emit("CumSum", [lengths, builder.int32(0)]);
  const inputIds = realOf("input_ids");
  const hasTokenTypes = numTokenTypes > 1;
  const tokenTypes = () => (hasTokenTypes ? realOf("token_type_ids") : builder.emit("Sub", [inputIds, inputIds]));
  const values = {
    input_ids: inputIds,
    ...(numTokenTypes > 0 ? { token_type_ids: tokenTypes() } : {}),
    position_ids: realOf(positionsByPlace(builder, mask, positions)),
    unpack_index: builder.emit("Where", [isReal, rowsByPlace, builder.int32(-1)]),
    pack_index: toInt32(places),
    first_index: builder.emit("Sub", [ends, lengths]),
    last_index: builder.emit("Sub", [ends, builder.int32(1)]),
  };
  const names = ["input_ids", "attention_mask", ...(hasTokenTypes ? ["token_type_ids"] : [])];
  return { inputs: names.map((name) => ({ name, dtype: "int64", shape: SHAPE })), values };
}

/** Position of every place, counted along each text over its real tokens. */
function positionsByPlace(builder: ModelBuilder, mask: string, positions: PaddedInputFacts["positions"]): string {
  const alongText = (counted: string) => builder.emit("CumSum", [counted, builder.int32(1)]);
  if (positions.kind === "count") return builder.emit("Sub", [alongText(mask), builder.int32(1)]);
  // Padding tokens get the padding's own row and are not counted, also where they are real tokens of a text.
  const ids = builder.emit("Cast", ["input_ids"], { attributes: { to: onnxDataTypes.int32 } });
  const isToken = builder.emit(
    "Cast",
    [builder.emit("Not", [builder.emit("Equal", [ids, builder.int32(positions.padTokenId)])])],
    {
      attributes: { to: onnxDataTypes.int32 },
    },
  );
  const counted = builder.emit("Mul", [alongText(isToken), isToken]);
  return builder.emit("Add", [counted, builder.int32(positions.padTokenId)]);
}
