/**
 * @file One text to tokens: added tokens are found, what lies between them is normalized, cut into pieces and given to the
 * model. Two ways that give the same ids: `encodeIds` for ids alone, `encodeAligned` with everything else.
 */
import type { AddedTokens } from "./addedTokens.ts";
import { IdCache } from "./idCache.ts";
import type { Model } from "./models/model.ts";
import { TokenBuffer } from "./models/tokenBuffer.ts";
import { NormalizedText } from "./normalizedText.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import type { PreTokenizer } from "./preTokenizers/preTokenizer.ts";
import { wordRuleFor, type WordRule } from "./wordRule.ts";

export type PipelineParts = {
  readonly normalizer: Normalizer | undefined;
  readonly preTokenizer: PreTokenizer | undefined;
  readonly model: Model;
  readonly addedTokens: AddedTokens;
};

/** Ids of a text, or of the start of it. */
export type IdRun = {
  readonly ids: Int32Array;
  /** Units of the text that were read: all of it, or a start of it that has more than enough tokens. */
  readonly consumed: number;
};

/** Tokens of one text, without special tokens around them. */
export type AlignedTokens = {
  /** The text, well formed. */
  readonly text: string;
  readonly ids: Int32Array;
  /** Span of each token in the text, in UTF-16 units: start and end alternating. */
  readonly offsets: Int32Array;
  /** Number of the piece (word) that each token is of. */
  readonly words: Int32Array;
  /** Strings of tokens that are not shown as the vocabulary's entry of their id. */
  readonly surfaces: ReadonlyMap<number, string>;
};

export class TextPipeline {
  readonly #parts: PipelineParts;
  readonly #wordRule: WordRule | undefined;
  readonly #cache = new IdCache();
  readonly #buffer = new TokenBuffer();
  readonly #needsOffsets: boolean;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#wordRule = wordRuleFor(parts);
    this.#needsOffsets = parts.preTokenizer?.needsOffsets ?? false;
  }

  /**
   * @param text - well formed
   * @param enough - reading may stop once there are more than this many tokens
   */
  encodeIds(text: string, enough = Infinity): IdRun {
    if (this.#needsOffsets) return { ids: this.encodeAligned(text, enough).ids, consumed: text.length };
    const output = this.#buffer;
    output.clear();
    const consumed = this.#readIds(text, { output, enough });
    return { ids: output.ids.slice(0, output.length), consumed };
  }

  /**
   * A start of `text` that has more than `enough` tokens, the same ones as in the whole, or all of it. (Nothing is looked
   * for in a text so short that it would not be worth it.)
   */
  prefixWithTokens(text: string, enough: number): string {
    if (this.#wordRule === undefined || enough * 2 > text.length) return text;
    return text.slice(0, this.encodeIds(text, enough).consumed);
  }

  /** Tokens with offsets, word numbers and strings; may stop once there are more than `enough`. */
  encodeAligned(text: string, enough = Infinity): AlignedTokens {
    const output = new AlignedOutput(text, this.#parts.model);
    const whole = NormalizedText.from(text);
    let taken = 0;
    for (const { token, span } of this.#parts.addedTokens.raw.find(text)) {
      if (taken < span[0]) this.#segmentAligned(whole.slice(taken, span[0]), output, enough);
      if (output.length > enough) return output.finish();
      output.pushAdded(whole.slice(span[0], span[1]), token.id);
      taken = span[1];
    }
    if (taken < text.length) this.#segmentAligned(whole.slice(taken, text.length), output, enough);
    return output.finish();
  }

  /** The pieces that the model would get, for counting words. */
  words(text: string): string[] {
    const normalized = this.#parts.normalizer?.normalizeString(text) ?? text;
    if (normalized === "") return [];
    return this.#parts.preTokenizer?.preTokenizeStrings([normalized]) ?? [normalized];
  }

  /** Appends the ids of a text; returns how far it was read. */
  #readIds(text: string, target: IdTarget): number {
    let taken = 0;
    for (const { token, span } of this.#parts.addedTokens.raw.find(text)) {
      if (taken < span[0]) taken = this.#segmentIds(text, [taken, span[0]], target);
      if (target.output.length > target.enough) return taken;
      target.output.push(token.id, 0, 0);
      taken = span[1];
    }
    return taken < text.length ? this.#segmentIds(text, [taken, text.length], target) : taken;
  }

  /** Appends the ids of a segment without added tokens; returns how far the text was read. */
  #segmentIds(text: string, [from, to]: readonly [number, number], target: IdTarget): number {
    const rule = this.#wordRule;
    if (rule === undefined) {
      this.#wholeIds(text.slice(from, to), target);
      return to;
    }
    let position = from;
    while (position < to && target.output.length <= target.enough) {
      const [start, end] = rule.next(text, position, to);
      if (start < end) this.#wordIds(text.slice(start, end), target);
      position = end;
    }
    return position;
  }

  #wordIds(word: string, target: IdTarget): void {
    const { output } = target;
    if (!this.#cache.accepts(word)) return this.#wholeIds(word, target);
    const known = this.#cache.get(word);
    if (known !== undefined) return output.pushIds(known);
    const before = output.length;
    this.#wholeIds(word, { output, enough: Infinity });
    this.#cache.set(word, output.ids.slice(before, output.length));
  }

  #wholeIds(text: string, target: IdTarget): void {
    const { normalizer, addedTokens } = this.#parts;
    const normalized = normalizer?.normalizeString(text) ?? text;
    let taken = 0;
    for (const { token, span } of addedTokens.normalized.find(normalized)) {
      if (taken < span[0]) this.#pieceIds(normalized.slice(taken, span[0]), target);
      target.output.push(token.id, 0, 0);
      taken = span[1];
    }
    if (taken < normalized.length) this.#pieceIds(normalized.slice(taken), target);
  }

  #pieceIds(text: string, { output, enough }: IdTarget): void {
    const { preTokenizer, model } = this.#parts;
    const pieces = preTokenizer?.preTokenizeStrings([text]) ?? [text];
    const isWord = this.#wordRule !== undefined;
    for (const piece of pieces) {
      if (output.length > enough) return;
      const known = isWord ? undefined : this.#cache.get(piece);
      if (known !== undefined) {
        output.pushIds(known);
        continue;
      }
      const before = output.length;
      model.tokenize(piece, output);
      if (!isWord) this.#cache.set(piece, output.ids.slice(before, output.length));
    }
  }

  #segmentAligned(segment: NormalizedText, output: AlignedOutput, enough: number): void {
    const { normalizer, addedTokens } = this.#parts;
    const normalized = normalizer?.normalize(segment) ?? segment;
    let taken = 0;
    for (const { token, span } of addedTokens.normalized.find(normalized.text)) {
      if (taken < span[0]) this.#pieceAligned(normalized.slice(taken, span[0]), output, enough);
      output.pushAdded(normalized.slice(span[0], span[1]), token.id);
      taken = span[1];
    }
    const end = normalized.text.length;
    if (taken < end) this.#pieceAligned(normalized.slice(taken, end), output, enough);
  }

  #pieceAligned(piece: NormalizedText, output: AlignedOutput, enough: number): void {
    for (const word of this.#parts.preTokenizer?.preTokenize([piece]) ?? [piece]) {
      if (output.length > enough) return;
      output.pushWord(word);
    }
  }
}

type IdTarget = { readonly output: TokenBuffer; readonly enough: number };

/** Collects the tokens of a text, word after word. */
class AlignedOutput {
  readonly #text: string;
  readonly #model: Model;
  readonly #tokens = new TokenBuffer();
  readonly #words: number[] = [];
  readonly #surfaces = new Map<number, string>();
  #numWords = 0;

  constructor(text: string, model: Model) {
    this.#text = text;
    this.#model = model;
  }

  get length(): number {
    return this.#tokens.length;
  }

  pushAdded(piece: NormalizedText, id: number): void {
    this.#surfaces.set(this.#tokens.length, piece.text);
    const [start, end] = piece.originalSpan(0, piece.text.length);
    this.#tokens.push(id, start, end);
    this.#words.push(this.#numWords++);
  }

  pushWord(piece: NormalizedText): void {
    const tokens = this.#tokens;
    const before = tokens.length;
    this.#model.tokenize(piece.text, tokens);
    for (let i = before; i < tokens.length; i++) {
      const [start, end] = [tokens.starts[i], tokens.ends[i]];
      if (tokens.ids[i] === this.#model.surfaceId) this.#surfaces.set(i, piece.text.slice(start, end));
      const [originalStart, originalEnd] = piece.originalSpan(start, end);
      tokens.starts[i] = originalStart;
      tokens.ends[i] = originalEnd;
      this.#words.push(this.#numWords);
    }
    this.#numWords++;
  }

  finish(): AlignedTokens {
    const { ids, starts, ends, length } = this.#tokens;
    const offsets = new Int32Array(length * 2);
    for (let i = 0; i < length; i++) {
      offsets[2 * i] = starts[i];
      offsets[2 * i + 1] = ends[i];
    }
    return {
      text: this.#text,
      ids: ids.slice(0, length),
      offsets,
      words: Int32Array.from(this.#words),
      surfaces: this.#surfaces,
    };
  }
}
