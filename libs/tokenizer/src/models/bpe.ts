/**
 * @file Byte pair encoding: characters merged pair by pair in the order that training learned.
 *
 * Lengths are counted in bytes of UTF-8, as Rust does: where a character is dropped (no token, no unknown token, no byte
 * tokens), the offsets of what follows are those that Rust gives.
 */
import { TokenizerFileError, UnsupportedComponentError, describe } from "../errors.ts";
import type { JsonFields } from "../jsonFields.ts";
import { unitsAt, utf8Length } from "../unicode/characters.ts";
import { byteTokenIds } from "./byteTokens.ts";
import { mergeSymbols, type Symbols } from "./mergeSymbols.ts";
import { MergeTable } from "./mergeTable.ts";
import type { Model } from "./model.ts";
import type { TokenBuffer } from "./tokenBuffer.ts";
import { Vocabulary } from "./vocabulary.ts";

const encoder = new TextEncoder();
/** Working arrays for words up to this many symbols are kept. */
const keptSymbols = 65_536;

export class Bpe implements Model {
  readonly surfaceId = undefined;
  readonly unkToken: string | undefined;
  readonly #vocabulary: Vocabulary;
  readonly #merges: MergeTable;
  readonly #where: string;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #fuseUnk: boolean;
  readonly #ignoreMerges: boolean;
  readonly #byteIds: readonly (number | undefined)[] | undefined;
  #symbols = emptySymbols(256);

  constructor(config: JsonFields) {
    this.#where = config.where;
    refuseUnsupportedOptions(config);
    this.#vocabulary = Vocabulary.fromFields(config, "vocab");
    this.unkToken = config.optionalString("unk_token");
    this.#prefix = config.string("continuing_subword_prefix", "");
    this.#suffix = config.string("end_of_word_suffix", "");
    this.#fuseUnk = config.boolean("fuse_unk", false);
    this.#ignoreMerges = config.boolean("ignore_merges", false);
    this.#merges = readMerges(config, this.#vocabulary, this.#prefix.length);
    if (config.boolean("byte_fallback", false)) this.#byteIds = byteTokenIds((token) => this.#vocabulary.idOf(token));
  }

  get vocabSize(): number {
    return this.#vocabulary.size;
  }

  get idLimit(): number {
    return this.#vocabulary.idLimit;
  }

  tokenToId(token: string): number | undefined {
    return this.#vocabulary.idOf(token);
  }

  idToToken(id: number): string | undefined {
    return this.#vocabulary.tokenOf(id);
  }

  tokenize(piece: string, output: TokenBuffer): void {
    const whole = this.#ignoreMerges ? this.#vocabulary.idOf(piece) : undefined;
    if (whole !== undefined) return output.push(whole, 0, piece.length);
    this.#readSymbols(piece);
    mergeSymbols(this.#symbols, this.#merges);
    pushSymbols(this.#symbols, piece, output);
    if (this.#symbols.ids.length > keptSymbols) this.#symbols = emptySymbols(256);
  }

  /** The characters of `piece` as symbols. An unknown token waits until the next known character, as it may be fused with more. */
  #readSymbols(piece: string): void {
    // With byte fallback one character can be up to four symbols, of which each unit is at most three.
    const capacity = piece.length * 3;
    if (this.#symbols.ids.length < capacity) this.#symbols = emptySymbols(capacity * 2);
    this.#symbols.count = 0;
    let unknownBytes = 0;
    for (let i = 0; i < piece.length;) {
      const end = i + unitsAt(piece, i);
      const char = piece.slice(i, end);
      const bytes = utf8Length(piece.codePointAt(i)!);
      const shown = (i > 0 ? this.#prefix : "") + char + (end === piece.length ? this.#suffix : "");
      const id = this.#vocabulary.idOf(shown);
      i = end;
      if (id !== undefined) {
        if (unknownBytes > 0) this.#push(this.#requireUnk(), unknownBytes);
        unknownBytes = 0;
        this.#push(id, bytes);
      } else if (!this.#pushBytes(char) && this.unkToken !== undefined) {
        if (unknownBytes > 0 && !this.#fuseUnk) {
          this.#push(this.#requireUnk(), unknownBytes);
          unknownBytes = 0;
        }
        unknownBytes += bytes;
      }
    }
    if (unknownBytes > 0) this.#push(this.#requireUnk(), unknownBytes);
  }

  #push(id: number, bytes: number): void {
    const symbols = this.#symbols;
    symbols.ids[symbols.count] = id;
    symbols.byteLengths[symbols.count++] = bytes;
  }

  #pushBytes(char: string): boolean {
    const byteIds = this.#byteIds && Array.from(encoder.encode(char), (byte) => this.#byteIds![byte]);
    if (byteIds === undefined || byteIds.includes(undefined)) return false;
    for (const id of byteIds) this.#push(id!, 1);
    return true;
  }

  #requireUnk(): number {
    const id = this.#vocabulary.idOf(this.unkToken!);
    if (id !== undefined) return id;
    throw new TokenizerFileError(this.#where, `unk_token ${JSON.stringify(this.unkToken)} to be in the vocabulary`);
  }
}

function emptySymbols(capacity: number): Symbols {
  return { ids: new Int32Array(capacity), byteLengths: new Int32Array(capacity), count: 0 };
}

function refuseUnsupportedOptions(config: JsonFields): void {
  if (config.has("dropout") && config.object.dropout !== 0) {
    throw new UnsupportedComponentError(config.path("dropout"), "BPE dropout, which makes ids random,", ["null", "0"]);
  }
  const affix = config.string("continuing_subword_prefix", "") + config.string("end_of_word_suffix", "");
  if (config.boolean("byte_fallback", false) && affix !== "") {
    const supported = ["either of the two alone"];
    throw new UnsupportedComponentError(config.where, "byte_fallback with a subword prefix or suffix", supported);
  }
}

function readMerges(config: JsonFields, vocabulary: Vocabulary, prefixLength: number): MergeTable {
  const entries = config.array("merges");
  const merges = new MergeTable(entries.length);
  const idOf = (token: string, rank: number) => {
    const id = vocabulary.idOf(token);
    if (id !== undefined) return id;
    throw new TokenizerFileError(`${config.path("merges")}[${rank}]`, "tokens of the vocabulary", {
      got: describe(token),
    });
  };
  for (const [rank, entry] of entries.entries()) {
    const [left, right] = mergedPair(entry, `${config.path("merges")}[${rank}]`);
    const pair = [idOf(left, rank), idOf(right, rank)] as const;
    merges.set(pair, rank, idOf(left + right.slice(prefixLength), rank));
  }
  return merges;
}

/** `["a", "b"]`, or in older files `"a b"`. */
function mergedPair(entry: unknown, where: string): readonly [string, string] {
  const parts: readonly unknown[] = typeof entry === "string" ? entry.split(" ") : Array.isArray(entry) ? entry : [];
  const [left, right] = parts;
  if (parts.length === 2 && typeof left === "string" && typeof right === "string") return [left, right];
  throw new TokenizerFileError(where, "two tokens", { got: describe(entry) });
}

/** Byte lengths to spans in UTF-16 units; a border inside a character takes the whole character. */
function pushSymbols(symbols: Symbols, piece: string, output: TokenBuffer): void {
  let unit = 0;
  let byte = 0;
  let position = 0;
  const charBytes = () => utf8Length(piece.codePointAt(unit)!);
  const moveTo = (target: number) => {
    while (unit < piece.length && byte + charBytes() <= target) {
      byte += charBytes();
      unit += unitsAt(piece, unit);
    }
  };
  for (let i = 0; i < symbols.count; i++) {
    moveTo(position);
    const start = unit;
    position += symbols.byteLengths[i];
    moveTo(position - 1);
    output.push(symbols.ids[i], start, Math.min(piece.length, unit + unitsAt(piece, unit)));
  }
}
