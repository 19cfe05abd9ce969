/** @file The pre-tokenizer that a tokenizer file describes. */
import { UnsupportedComponentError } from "../errors.ts";
import { JsonFields } from "../jsonFields.ts";
import type { NormalizedText } from "../normalizedText.ts";
import { ByteLevelPreTokenizer } from "./byteLevel.ts";
import { Metaspace } from "./metaspace.ts";
import type { PreTokenizer, WhitespaceRole } from "./preTokenizer.ts";
import * as splitters from "./splitters.ts";

/** Pre-tokenizers one after the other. */
class PreTokenizerSequence implements PreTokenizer {
  readonly whitespace: WhitespaceRole;
  readonly needsOffsets: boolean;
  readonly #preTokenizers: readonly PreTokenizer[];

  constructor(preTokenizers: readonly PreTokenizer[]) {
    this.#preTokenizers = preTokenizers;
    this.whitespace = preTokenizers[0]?.whitespace ?? "other";
    this.needsOffsets = preTokenizers.some((preTokenizer) => preTokenizer.needsOffsets);
  }

  preTokenize(pieces: readonly NormalizedText[]): NormalizedText[] {
    return this.#preTokenizers.reduce((result, step) => step.preTokenize(result), pieces.slice());
  }

  preTokenizeStrings(pieces: readonly string[]): string[] {
    return this.#preTokenizers.reduce((result, step) => step.preTokenizeStrings(result), pieces.slice());
  }
}

const makers: Record<string, (config: JsonFields) => PreTokenizer> = {
  BertPreTokenizer: splitters.bertPreTokenizer,
  ByteLevel: (config) => new ByteLevelPreTokenizer(config),
  CharDelimiterSplit: splitters.charDelimiterSplit,
  Delimiter: splitters.charDelimiterSplit,
  Digits: splitters.digits,
  FixedLength: splitters.fixedLength,
  Metaspace: (config) => new Metaspace(config),
  Punctuation: splitters.punctuationSplit,
  Sequence: (config) =>
    new PreTokenizerSequence(
      config.array("pretokenizers").map((part, i) => createPreTokenizer(part, config.path(`pretokenizers[${i}]`))),
    ),
  Split: splitters.split,
  Whitespace: splitters.whitespace,
  WhitespaceSplit: splitters.whitespaceSplit,
};

/**
 * @param config - the `pre_tokenizer` block of tokenizer.json, or a part of its sequence
 * @throws UnsupportedComponentError for a type that is not in the table above; TokenizerFileError for a malformed one
 */
export function createPreTokenizer(config: unknown, where: string): PreTokenizer {
  const fields = new JsonFields(config, where);
  const type = fields.string("type");
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
  if (make === undefined) throw new UnsupportedComponentError(where, `pre-tokenizer ${type}`, Object.keys(makers));
  return make(fields);
}
