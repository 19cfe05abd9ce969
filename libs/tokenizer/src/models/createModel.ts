/** @file The model that a tokenizer file describes. */
import { UnsupportedComponentError } from "../errors.ts";
import { JsonFields } from "../jsonFields.ts";
import { Bpe } from "./bpe.ts";
import type { Model } from "./model.ts";
import { Unigram } from "./unigram.ts";
import { WordLevel } from "./wordLevel.ts";
import { WordPiece } from "./wordPiece.ts";

const makers: Record<string, (config: JsonFields) => Model> = {
  BPE: (config) => new Bpe(config),
  Unigram: (config) => new Unigram(config),
  WordLevel: (config) => new WordLevel(config),
  WordPiece: (config) => new WordPiece(config),
};

/**
 * @param config - the `model` block of tokenizer.json
 * @throws UnsupportedComponentError for a type that is not in the table above; TokenizerFileError for a malformed one
 */
export function createModel(config: unknown, where: string): Model {
  const fields = new JsonFields(config, where);
  const type = fields.string("type", guessType(fields));
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
  if (make === undefined) throw new UnsupportedComponentError(where, `model ${type}`, Object.keys(makers));
  return make(fields);
}

/** Files of the first versions do not name the type. */
function guessType(fields: JsonFields): string {
  if (fields.has("merges")) return "BPE";
  if (Array.isArray(fields.object.vocab)) return "Unigram";
  return fields.has("continuing_subword_prefix") ? "WordPiece" : "WordLevel";
}
