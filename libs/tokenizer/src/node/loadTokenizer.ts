/**
 * @file The tokenizer of a model's folder: from tokenizer.json, or, for BERT models that only have one, from vocab.txt and
 * tokenizer_config.json.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { TokenizerFileError, describe } from "../errors.ts";
import { JsonFields } from "../jsonFields.ts";
import { Tokenizer } from "../tokenizer.ts";
import { bertTokenizerFile } from "../training/bertTokenizerFile.ts";
import { parseVocabulary } from "../training/bertVocabulary.ts";
import { readJsonIfPresent, readTextIfPresent } from "./readTokenizerFiles.ts";

/** Tokenizer classes whose vocab.txt is BERT's. */
const bertClasses = ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast"];

export type LoadTokenizerOptions = {
  /** Lower-case the text before the tokenizer's own normalizer, as sentence-transformers does for `do_lower_case`. */
  readonly lowerCase?: boolean;
};

/**
 * @param folder - in Hugging Face's layout
 * @throws TokenizerFileError when the folder has no tokenizer or a file of it is malformed; the message names the file
 * @throws UnsupportedComponentError when tokenizer.json asks for a component that is not implemented
 */
export async function loadTokenizer(folder: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  const config = await readJsonIfPresent(folder, "tokenizer_config.json");
  const specialTokensMap = await readJsonIfPresent(folder, "special_tokens_map.json");
  const tokenizer = (await readJsonIfPresent(folder, "tokenizer.json")) ?? (await fromVocabulary(folder, config));
  const chosen = options.lowerCase === true ? withLowercase(tokenizer) : tokenizer;
  return new Tokenizer({ tokenizer: chosen, config, specialTokensMap, folder });
}

/** The same tokenizer with `Lowercase` before its normalizer. */
function withLowercase(tokenizer: unknown): unknown {
  const fields = new JsonFields(tokenizer, "tokenizer.json");
  const own = fields.has("normalizer") ? [fields.object.normalizer] : [];
  return { ...fields.object, normalizer: { type: "Sequence", normalizers: [{ type: "Lowercase" }, ...own] } };
}

async function fromVocabulary(folder: string, config: unknown): Promise<unknown> {
  const vocabulary = await readTextIfPresent(folder, "vocab.txt");
  if (vocabulary === undefined) {
    const isFolder = await stat(folder).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    const got = isFolder ? "neither" : "no such folder";
    throw new TokenizerFileError(folder, "a folder with tokenizer.json, or with a BERT vocab.txt", { got });
  }
  const fields = new JsonFields(config ?? {}, "tokenizer_config.json");
  const tokenizerClass = fields.string("tokenizer_class", "BertTokenizer");
  if (!bertClasses.includes(tokenizerClass)) {
    const expected = `one of ${bertClasses.join(", ")}, as there is only a vocab.txt (write a tokenizer.json for others)`;
    throw new TokenizerFileError(join(folder, "tokenizer_config.json: tokenizer_class"), expected, {
      got: describe(tokenizerClass),
    });
  }
  return bertFile(parseVocabulary(vocabulary), fields, join(folder, "vocab.txt"));
}

function bertFile(ids: ReadonlyMap<string, number>, config: JsonFields, where: string): unknown {
  const name = (role: string, usual: string) => {
    const key = `${role}_token`;
    return typeof config.object[key] === "object" && config.has(key)
      ? config.fields(key).string("content")
      : config.string(key, usual);
  };
  const names = {
    padToken: name("pad", "[PAD]"),
    unkToken: name("unk", "[UNK]"),
    clsToken: name("cls", "[CLS]"),
    sepToken: name("sep", "[SEP]"),
    maskToken: name("mask", "[MASK]"),
  };
  const missing = Object.values(names).filter((token) => !ids.has(token));
  if (missing.length > 0) {
    throw new TokenizerFileError(where, `the special tokens ${Object.values(names).join(", ")}`, {
      got: `a vocabulary of ${ids.size} tokens without ${missing.join(", ")}`,
    });
  }
  return bertTokenizerFile(ids, {
    ...names,
    lowercase: config.boolean("do_lower_case", true),
    handleChineseChars: config.boolean("tokenize_chinese_chars", true),
    ...(config.has("strip_accents") && { stripAccents: config.boolean("strip_accents") }),
  }).tokenizer;
}
