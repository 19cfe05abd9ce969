/**
 * @file The `tokenizer.json` and `tokenizer_config.json` of a BERT tokenizer with a given vocabulary: BertNormalizer,
 * BertPreTokenizer, WordPiece, `[CLS] $A [SEP] $B:1 [SEP]:1`.
 */
import { VocabularyTrainingError } from "../errors.ts";
import type { JsonObject } from "../jsonFields.ts";

export type BertTokenizerOptions = {
  /** Default true. */
  readonly lowercase?: boolean;
  /** Default: as `lowercase`. */
  readonly stripAccents?: boolean;
  /** Remove control characters, make all white space spaces; default true. */
  readonly cleanText?: boolean;
  /** Put spaces around ideographs; default true. */
  readonly handleChineseChars?: boolean;
  /** Default "##". */
  readonly continuingSubwordPrefix?: string;
  /** Special tokens in the order of their ids; default `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`. Must include those named below. */
  readonly specialTokens?: readonly string[];
  readonly padToken?: string;
  readonly unkToken?: string;
  readonly clsToken?: string;
  readonly sepToken?: string;
  readonly maskToken?: string;
  /** Words of more characters are unknown; default 100. */
  readonly maxInputCharsPerWord?: number;
  /** For tokenizer_config.json; default 512. */
  readonly modelMaxLength?: number;
};

export type BertTokenizerFile = {
  /** tokenizer.json */
  readonly tokenizer: JsonObject;
  /** tokenizer_config.json */
  readonly config: JsonObject;
};

const roles = ["pad", "unk", "cls", "sep", "mask"] as const;
export const defaultPrefix = "##";

/**
 * The special tokens in the order of their ids.
 *
 * @throws VocabularyTrainingError when one is named twice, or one with a role is not among them
 */
export function bertSpecialTokens(options: BertTokenizerOptions): readonly string[] {
  const names = namesOfRoles(options);
  const specialTokens = options.specialTokens ?? roles.map((role) => names[role]);
  checkSpecialTokens(specialTokens, names);
  return specialTokens;
}

/**
 * @param tokens - the vocabulary in the order of ids; it begins with the special tokens
 * @throws VocabularyTrainingError as `bertSpecialTokens`
 */
export function bertTokenizerFile(
  tokens: readonly string[] | ReadonlyMap<string, number>,
  options: BertTokenizerOptions,
): BertTokenizerFile {
  const names = namesOfRoles(options);
  const specialTokens = bertSpecialTokens(options);
  const ids = tokens instanceof Map ? tokens : new Map((tokens as readonly string[]).map((token, id) => [token, id]));
  const prefix = options.continuingSubwordPrefix ?? defaultPrefix;
  const idOf = (token: string) => ids.get(token) ?? specialTokens.indexOf(token);
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens
      .map((content) => ({ id: idOf(content), content, ...plain, normalized: false, special: true }))
      .toSorted((a, b) => a.id - b.id),
    normalizer: {
      type: "BertNormalizer",
      clean_text: options.cleanText ?? true,
      handle_chinese_chars: options.handleChineseChars ?? true,
      strip_accents: options.stripAccents ?? null,
      lowercase: options.lowercase ?? true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: template(names, idOf),
    decoder: { type: "WordPiece", prefix, cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: names.unk,
      continuing_subword_prefix: prefix,
      max_input_chars_per_word: options.maxInputCharsPerWord ?? 100,
      vocab: Object.fromEntries(Array.from(ids).toSorted(([, a], [, b]) => a - b)),
    },
  };
  return { tokenizer, config: configFor(names, options) };
}

const plain = { single_word: false, lstrip: false, rstrip: false };

type Names = { readonly [role in (typeof roles)[number]]: string };

function namesOfRoles(options: BertTokenizerOptions): Names {
  return {
    pad: options.padToken ?? "[PAD]",
    unk: options.unkToken ?? "[UNK]",
    cls: options.clsToken ?? "[CLS]",
    sep: options.sepToken ?? "[SEP]",
    mask: options.maskToken ?? "[MASK]",
  };
}

function checkSpecialTokens(specialTokens: readonly string[], names: Names): void {
  const list = specialTokens.join(", ");
  if (specialTokens.includes("") || new Set(specialTokens).size !== specialTokens.length) {
    throw new VocabularyTrainingError(`specialTokens: expected different tokens that are not empty, got ${list}`);
  }
  for (const role of roles) {
    if (!specialTokens.includes(names[role])) {
      throw new VocabularyTrainingError(
        `specialTokens: expected ${names[role]} (${role}Token) among them, got ${list}`,
      );
    }
  }
}

const special = (id: string, typeId: number) => ({ SpecialToken: { id, type_id: typeId } });
const sequence = (id: string, typeId: number) => ({ Sequence: { id, type_id: typeId } });

function template({ cls, sep }: Names, idOf: (token: string) => number): JsonObject {
  const single = [special(cls, 0), sequence("A", 0), special(sep, 0)];
  const entry = (token: string) => ({ id: token, ids: [idOf(token)], tokens: [token] });
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, sequence("B", 1), special(sep, 1)],
    special_tokens: Object.fromEntries([cls, sep].map((token) => [token, entry(token)])),
  };
}

function configFor(names: Names, options: BertTokenizerOptions): JsonObject {
  return {
    tokenizer_class: "BertTokenizer",
    model_max_length: options.modelMaxLength ?? 512,
    do_lower_case: options.lowercase ?? true,
    strip_accents: options.stripAccents ?? null,
    tokenize_chinese_chars: options.handleChineseChars ?? true,
    ...Object.fromEntries(roles.map((role) => [`${role}_token`, names[role]])),
  };
}
