/**
 * @file The tokenizer of a model: text to ids and back, as `tokenizer.json` says.
 *
 * Ids, tokens, offsets, word numbers, type ids and decoded text are those of Rust's tokenizers 0.23.3 for the same file.
 * The file's `truncation` and `padding` blocks are not applied; they are exposed as `fileDefaults`.
 *
 * Differences from Rust, all outside what tokenizers in use do: a truncation that leaves no room for the special tokens is
 * an error (there it is ignored); a stride that never gets on and an added token that normalizes to nothing are errors
 * (there the program ends, or every position matches); of added tokens with the same normalized form the last counts (there
 * any); sequence ids are right where a ByteLevel step follows a template, and for overflow without a post-processor; what
 * overflows has no overflow of its own. Not implemented, and refused: the UnicodeScripts pre-tokenizer, BPE dropout, byte
 * fallback together with a subword prefix or suffix, a sequence of two post-processors that both add tokens.
 */
import { AddedTokens, readAddedTokens, type AddedToken } from "./addedTokens.ts";
import { createDecoder } from "./decoders/createDecoder.ts";
import { cleanUpSpaces } from "./decoders/cleanUpSpaces.ts";
import type { Decoder } from "./decoders/decoder.ts";
import type { Encoding } from "./encoding.ts";
import { TokenIdError, TokenizerFileError, describe } from "./errors.ts";
import { readFileDefaults, type FileDefaults } from "./fileDefaults.ts";
import { JsonFields } from "./jsonFields.ts";
import { createModel } from "./models/createModel.ts";
import type { Model } from "./models/model.ts";
import { createNormalizer } from "./normalizers/createNormalizer.ts";
import { padBatch, type PaddedBatch, type Padding } from "./padding.ts";
import { createPostProcessor, plainPostProcessor } from "./postProcessors/createPostProcessor.ts";
import { createPreTokenizer } from "./preTokenizers/createPreTokenizer.ts";
import { SequenceEncoder, type EncodedIds, type EncodeOptions, type WrapOptions } from "./sequenceEncoder.ts";
import { resolveSpecialTokens, type SpecialTokens } from "./specialTokens.ts";
import { TextPipeline } from "./textPipeline.ts";

/** Parsed files of a tokenizer's folder. */
export type TokenizerFiles = {
  /** tokenizer.json */
  readonly tokenizer: unknown;
  /** tokenizer_config.json: names of special tokens, model_max_length */
  readonly config?: unknown;
  /** special_tokens_map.json: names of special tokens, where the configuration has none */
  readonly specialTokensMap?: unknown;
  /** Where the files lie, for error messages. */
  readonly folder?: string;
};

export type DecodeOptions = {
  /** Leave out special tokens; default true. */
  readonly skipSpecialTokens?: boolean;
  /** Also take out the spaces before punctuation and English contractions, as transformers does; default false (Rust's text). */
  readonly cleanUp?: boolean;
};

export type BatchOptions = Omit<EncodeOptions, "pair"> & { readonly padding?: Padding };

/** A padded batch and the encodings that it was made of. */
export type EncodedBatch = PaddedBatch & { readonly encodings: readonly EncodedIds[] };

export class Tokenizer {
  /** Ids of the tokens with a role. */
  readonly specialTokens: SpecialTokens;
  /** Tokens that were added to the model's vocabulary. */
  readonly addedTokens: readonly AddedToken[];
  /** What the file says about truncation and padding; not applied. */
  readonly fileDefaults: FileDefaults;
  /** `model_max_length` of tokenizer_config.json, if it is a sensible number. */
  readonly modelMaxLength: number | undefined;
  readonly #model: Model;
  readonly #added: AddedTokens;
  readonly #decoder: Decoder | undefined;
  readonly #encoder: SequenceEncoder;

  /**
   * @throws TokenizerFileError when a file is malformed; UnsupportedComponentError when it asks for a component that is not
   *   implemented (the message lists those that are)
   */
  constructor(files: TokenizerFiles) {
    const named = (name: string) => (files.folder === undefined ? name : `${files.folder}/${name}`);
    const file = new JsonFields(files.tokenizer, named("tokenizer.json"));
    if (file.string("version", "1.0") !== "1.0") {
      throw new TokenizerFileError(file.path("version"), '"1.0"', { got: describe(file.object.version) });
    }
    const part = <T>(name: string, create: (config: unknown, where: string) => T): T | undefined =>
      file.has(name) ? create(file.object[name], file.path(name)) : undefined;
    const normalizer = part("normalizer", createNormalizer);
    const preTokenizer = part("pre_tokenizer", createPreTokenizer);
    this.#model = createModel(file.object.model, file.path("model"));
    const tokens = readAddedTokens(file.object.added_tokens, this.#model, file.path("added_tokens"));
    this.#added = new AddedTokens(tokens, normalizer);
    this.#decoder = part("decoder", createDecoder);
    this.#encoder = new SequenceEncoder({
      pipeline: new TextPipeline({ normalizer, preTokenizer, model: this.#model, addedTokens: this.#added }),
      postProcessor: part("post_processor", createPostProcessor) ?? plainPostProcessor,
      tokenOf: (id) => this.#model.idToToken(id) ?? this.#added.tokenOf(id) ?? "",
    });
    this.addedTokens = this.#added.tokens;
    this.fileDefaults = readFileDefaults(file);
    const optional = (value: unknown, name: string) =>
      value === undefined ? undefined : new JsonFields(value, named(name));
    const config = optional(files.config, "tokenizer_config.json");
    this.modelMaxLength = sensibleMaxLength(config?.object.model_max_length);
    this.specialTokens = resolveSpecialTokens({
      named: [config, optional(files.specialTokensMap, "special_tokens_map.json")],
      padToken: this.fileDefaults.padding?.padToken,
      unkToken: this.#model.unkToken,
      idOf: (token) => this.tokenToId(token),
      isAdded: (token) => this.#added.idOf(token) !== undefined,
    });
  }

  /**
   * Ids of a text (or of a text and `pair`), with the special tokens of the template around them. The fast way.
   *
   * With `truncation` at the right end, reading stops as soon as there are enough tokens.
   *
   * @throws TruncationError when the truncation asked for is impossible
   */
  encodeIds(text: string, options: EncodeOptions = {}): EncodedIds {
    return this.#encoder.encodeIds(text, options);
  }

  /**
   * Ids, tokens, offsets, word numbers and what overflowed of a text (or of a text and `pair`).
   *
   * @throws TruncationError when the truncation asked for is impossible
   */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    return this.#encoder.encode(text, options);
  }

  /**
   * Ids of many texts (or pairs of texts) as padded matrices; padding is with the tokenizer's own padding token.
   *
   * @throws TruncationError when the truncation asked for is impossible; TokenizerError when padding is too short
   */
  encodeBatch(
    texts: readonly (string | readonly [text: string, pair: string])[],
    options: BatchOptions = {},
  ): EncodedBatch {
    const encodings = texts.map((item) => {
      const [text, pair] = typeof item === "string" ? [item, undefined] : item;
      return this.encodeIds(text, { ...options, pair });
    });
    return { ...padBatch(encodings, { ...this.#paddingDefaults(), ...options.padding }), encodings };
  }

  /**
   * Puts the template's special tokens around ids that a caller gives instead of text.
   *
   * @throws TokenIdError for an id that is not one of the vocabulary's; TruncationError when truncation is impossible
   */
  wrapIds(ids: ArrayLike<number>, options: WrapOptions = {}): EncodedIds {
    this.#checkIds(ids);
    if (options.pair !== undefined) this.#checkIds(options.pair);
    return this.#encoder.wrapIds(ids, options);
  }

  /**
   * The text of ids; ids that are not in the vocabulary are left out, as Rust does.
   *
   * @throws TokenIdError for what is not a whole number from 0 to 2^31 - 1
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const skipsSpecial = options.skipSpecialTokens ?? true;
    const tokens = Array.from(ids, (id, i) => {
      if (!Number.isInteger(id) || id < 0 || id > 0x7fffffff) throw new TokenIdError(id, i, this.#maxId());
      return this.idToToken(id);
    }).filter((token) => token !== undefined && !(skipsSpecial && this.#added.isSpecial(token))) as string[];
    const text = this.#decoder === undefined ? tokens.join(" ") : this.#decoder(tokens).join("");
    return options.cleanUp === true ? cleanUpSpaces(text) : text;
  }

  /** Id of a token, or `undefined`. */
  tokenToId(token: string): number | undefined {
    return this.#added.idOf(token) ?? this.#model.tokenToId(token);
  }

  /** Token of an id, or `undefined`; an added token that is sought in normalized text is given in its normalized form. */
  idToToken(id: number): string | undefined {
    return this.#added.tokenOf(id) ?? this.#model.idToToken(id);
  }

  /** Number of tokens, added ones included. */
  get vocabSize(): number {
    const overlapping = new Set(this.addedTokens.map((token) => token.content));
    const own = Array.from(overlapping).filter((token) => this.#model.tokenToId(token) === undefined);
    return this.#model.vocabSize + own.length;
  }

  /** Special tokens that the template adds to one text, or to a pair. */
  numSpecialTokens(options: { readonly isPair?: boolean } = {}): number {
    return this.#encoder.numSpecialTokens(options.isPair ?? false);
  }

  #maxId(): number {
    return Math.max(this.#model.idLimit - 1, ...this.addedTokens.map((token) => token.id));
  }

  #checkIds(ids: ArrayLike<number>): void {
    for (let i = 0; i < ids.length; i++) {
      if (!Number.isInteger(ids[i]) || this.idToToken(ids[i]) === undefined) {
        throw new TokenIdError(ids[i], i, this.#maxId());
      }
    }
  }

  #paddingDefaults(): Padding {
    const { padding } = this.fileDefaults;
    return { padId: this.specialTokens.pad ?? padding?.padId ?? 0, padTypeId: padding?.padTypeId ?? 0 };
  }
}

/** transformers writes 10^30 where there is no limit. */
function sensibleMaxLength(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= 0x7fffffff
    ? (value as number)
    : undefined;
}
