/** @file The `truncation` and `padding` blocks of tokenizer.json: what whoever wrote the file had switched on. */
import type { JsonFields } from "./jsonFields.ts";
import type { PaddingSide } from "./padding.ts";
import type { TruncationDirection, TruncationStrategy } from "./truncation.ts";

export type FileDefaults = {
  readonly truncation: {
    readonly maxLength: number;
    readonly strategy: TruncationStrategy;
    readonly stride: number;
    readonly direction: TruncationDirection;
  } | null;
  readonly padding: {
    readonly length: "longest" | number;
    readonly side: PaddingSide;
    readonly padToMultipleOf: number | null;
    readonly padId: number;
    readonly padTypeId: number;
    readonly padToken: string;
  } | null;
};

const strategies = { LongestFirst: "longest_first", OnlyFirst: "only_first", OnlySecond: "only_second" } as const;
const sides = { Left: "left", Right: "right" } as const;

/** @throws TokenizerFileError for a malformed block */
export function readFileDefaults(file: JsonFields): FileDefaults {
  return { truncation: readTruncation(file), padding: readPadding(file) };
}

function readTruncation(file: JsonFields): FileDefaults["truncation"] {
  if (!file.has("truncation")) return null;
  const block = file.fields("truncation");
  return {
    maxLength: block.count("max_length"),
    strategy: strategies[block.choice("strategy", ["LongestFirst", "OnlyFirst", "OnlySecond"], "LongestFirst")],
    stride: block.count("stride", 0),
    direction: sides[block.choice("direction", ["Left", "Right"], "Right")],
  };
}

function readPadding(file: JsonFields): FileDefaults["padding"] {
  if (!file.has("padding")) return null;
  const block = file.fields("padding");
  const isLongest = block.object.strategy === "BatchLongest";
  return {
    length: isLongest ? "longest" : block.fields("strategy").count("Fixed"),
    side: sides[block.choice("direction", ["Left", "Right"], "Right")],
    padToMultipleOf: block.has("pad_to_multiple_of") ? block.count("pad_to_multiple_of") : null,
    padId: block.count("pad_id", 0),
    padTypeId: block.count("pad_type_id", 0),
    padToken: block.string("pad_token", "[PAD]"),
  };
}
