/** @file The normalizer that a tokenizer file describes. */
import { UnsupportedComponentError } from "../errors.ts";
import { JsonFields } from "../jsonFields.ts";
import { BertNormalizer } from "./bertNormalizer.ts";
import { ByteLevelNormalizer } from "./byteLevel.ts";
import { Lowercase } from "./lowercase.ts";
import { Nmt } from "./nmt.ts";
import type { Normalizer } from "./normalizer.ts";
import { Precompiled } from "./precompiled.ts";
import { Prepend } from "./prepend.ts";
import { Replace } from "./replace.ts";
import { NormalizerSequence } from "./sequence.ts";
import { Strip } from "./strip.ts";
import { StripAccents } from "./stripAccents.ts";
import { UnicodeForm } from "./unicodeForm.ts";

const makers: Record<string, (config: JsonFields) => Normalizer> = {
  BertNormalizer: (config) => new BertNormalizer(config),
  ByteLevel: () => new ByteLevelNormalizer(),
  Lowercase: () => new Lowercase(),
  NFC: () => new UnicodeForm("NFC"),
  NFD: () => new UnicodeForm("NFD"),
  NFKC: () => new UnicodeForm("NFKC"),
  NFKD: () => new UnicodeForm("NFKD"),
  Nmt: () => new Nmt(),
  Precompiled: (config) => new Precompiled(config),
  Prepend: (config) => new Prepend(config),
  Replace: (config) => new Replace(config),
  Sequence: (config) =>
    new NormalizerSequence(
      config.array("normalizers").map((part, i) => createNormalizer(part, config.path(`normalizers[${i}]`))),
    ),
  Strip: (config) => new Strip(config),
  StripAccents: () => new StripAccents(),
};

/**
 * @param config - the `normalizer` block of tokenizer.json, or a part of its sequence
 * @throws UnsupportedComponentError for a type that is not in the table above; TokenizerFileError for a malformed one
 */
export function createNormalizer(config: unknown, where: string): Normalizer {
  const fields = new JsonFields(config, where);
  const type = fields.string("type");
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
  if (make === undefined) throw new UnsupportedComponentError(where, `normalizer ${type}`, Object.keys(makers));
  return make(fields);
}
