/**
 * @file The result of encoding one text or a pair: ids and everything that can be said about them. What is not asked for
 * is not computed (strings, offsets, word numbers).
 */
import { byteLevelSpace } from "./byteLevelAlphabet.ts";
import type { OffsetTrim, SpecialPiece } from "./postProcessors/postProcessor.ts";
import type { AlignedTokens } from "./textPipeline.ts";
import { isInsidePair, isWhitespaceUnit } from "./unicode/characters.ts";

/** A run of tokens of one sequence, or special tokens. */
export type EncodingPart =
  | { readonly special: SpecialPiece; readonly typeId: number }
  | {
      readonly sequence: 0 | 1;
      readonly tokens: AlignedTokens;
      readonly span: readonly [start: number, end: number];
      readonly typeId: number;
    };

export type EncodingOptions = {
  readonly tokenOf: (id: number) => string;
  readonly trims: readonly OffsetTrim[];
  readonly truncated: boolean;
  readonly overflowing?: readonly Encoding[];
};

/** Tokens of a text or a pair, special tokens included. All lists have the same length, `length`. */
export class Encoding {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array;
  /** 1 for tokens that the template added, 0 for those of the text (special tokens written in it too). */
  readonly specialTokensMask: Uint8Array;
  /** Whether tokens were cut off. */
  readonly truncated: boolean;
  /** What was cut off, in pieces of the same form, when truncation was asked for with `overflow`. */
  readonly overflowing: readonly Encoding[];
  readonly #parts: readonly EncodingPart[];
  readonly #options: EncodingOptions;
  #tokens: readonly string[] | undefined;
  #offsets: Int32Array | undefined;

  constructor(parts: readonly EncodingPart[], options: EncodingOptions) {
    this.#parts = parts;
    this.#options = options;
    this.truncated = options.truncated;
    this.overflowing = options.overflowing ?? [];
    const length = parts.reduce((sum, part) => sum + lengthOf(part), 0);
    this.ids = new Int32Array(length);
    this.typeIds = new Int32Array(length);
    this.specialTokensMask = new Uint8Array(length);
    this.#forEachPart((part, at) => {
      const end = at + lengthOf(part);
      this.ids.set("special" in part ? part.special.ids : part.tokens.ids.subarray(...part.span), at);
      this.typeIds.fill(part.typeId, at, end);
      this.specialTokensMask.fill("special" in part ? 1 : 0, at, end);
    });
  }

  get length(): number {
    return this.ids.length;
  }

  /** Ones: nothing is padded here. */
  get attentionMask(): Uint8Array {
    return new Uint8Array(this.length).fill(1);
  }

  /** The string of each token. */
  get tokens(): readonly string[] {
    this.#tokens ??= this.#parts.flatMap((part) =>
      "special" in part ? part.special.tokens : sequenceStrings(part, this.#options.tokenOf),
    );
    return this.#tokens;
  }

  /**
   * Start and end of each token in the text that it is of, alternating, in UTF-16 units; 0, 0 for special tokens.
   * For UTF-8 bytes or code points see `toUtf8Offsets` and `toCodePointOffsets`.
   */
  get offsets(): Int32Array {
    if (this.#offsets === undefined) {
      const offsets = new Int32Array(this.length * 2);
      this.#forEachPart((part, at) => {
        if ("special" in part) return;
        const [start, end] = part.span;
        offsets.set(part.tokens.offsets.subarray(2 * start, 2 * end), 2 * at);
        for (const trim of this.#options.trims) trimOffsets(offsets, { part, at, tokens: this.tokens }, trim);
      });
      this.#offsets = offsets;
    }
    return this.#offsets;
  }

  /** Number of the word that each token is of, counted from 0 in each text; `null` for special tokens. */
  get wordIds(): (number | null)[] {
    return this.#parts.flatMap((part) =>
      "special" in part ? part.special.ids.map(() => null) : Array.from(part.tokens.words.subarray(...part.span)),
    );
  }

  /** Text that each token is of: 0, or 1 for the pair; `null` for special tokens. */
  get sequenceIds(): (0 | 1 | null)[] {
    return this.#parts.flatMap((part) =>
      "special" in part
        ? part.special.ids.map(() => null)
        : Array.from({ length: lengthOf(part) }, () => part.sequence),
    );
  }

  #forEachPart(visit: (part: EncodingPart, at: number) => void): void {
    let at = 0;
    for (const part of this.#parts) {
      visit(part, at);
      at += lengthOf(part);
    }
  }
}

type SequencePart = Extract<EncodingPart, { readonly sequence: 0 | 1 }>;

function lengthOf(part: EncodingPart): number {
  return "special" in part ? part.special.ids.length : part.span[1] - part.span[0];
}

function sequenceStrings(part: SequencePart, tokenOf: (id: number) => string): string[] {
  const [start, end] = part.span;
  return Array.from(
    part.tokens.ids.subarray(start, end),
    (id, i) => part.tokens.surfaces.get(start + i) ?? tokenOf(id),
  );
}

/** Takes the spaces at the ends of byte-level tokens out of their offsets, one character each. */
function trimOffsets(
  offsets: Int32Array,
  place: { readonly part: SequencePart; readonly at: number; readonly tokens: readonly string[] },
  trim: OffsetTrim,
): void {
  const { part, at, tokens } = place;
  const text = part.tokens.text;
  for (let i = 0; i < lengthOf(part); i++) {
    const token = tokens[at + i];
    const leading = countSpaces(token, 1);
    const trailing = countSpaces(token, -1);
    const where = 2 * (at + i);
    const isFirst = i + trim.firstIndex[part.sequence] === 0 || offsets[where] === 0;
    const isAdded = isFirst && trim.keepsAddedSpace && leading === 1;
    if (leading > 0 && !isAdded) {
      offsets[where] = Math.min(moved(text, offsets[where], leading) ?? text.length, offsets[where + 1]);
    }
    const end = trailing > 0 ? moved(text, offsets[where + 1], -trailing) : undefined;
    if (end !== undefined) offsets[where + 1] = Math.max(end, offsets[where]);
  }
}

/** Spaces at the start (direction 1) or end (-1) of a token. */
function countSpaces(token: string, direction: 1 | -1): number {
  let count = 0;
  for (let i = direction === 1 ? 0 : token.length - 1; i >= 0 && i < token.length; i += direction) {
    if (token[i] !== byteLevelSpace && !isWhitespaceUnit(token.charCodeAt(i))) break;
    count++;
  }
  return count;
}

/** `position` moved by a number of code points, or `undefined` beyond the ends of the text. */
function moved(text: string, position: number, codePoints: number): number | undefined {
  const step = Math.sign(codePoints);
  let index = position;
  for (let i = 0; i < Math.abs(codePoints); i++) {
    index += step;
    if (isInsidePair(text, index)) index += step;
    if (index < 0 || index > text.length) return undefined;
  }
  return index;
}
