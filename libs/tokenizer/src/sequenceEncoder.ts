/**
 * @file From one or two token sequences to a result: truncation, then the template's special tokens. Follows `post_process`
 * of Rust's tokenizers 0.23.3.
 */
import { Encoding, type EncodingPart } from "./encoding.ts";
import { TokenizerError, TruncationError, describe } from "./errors.ts";
import {
  numAddedTokens,
  type OffsetTrim,
  type PostProcessor,
  type TemplatePiece,
} from "./postProcessors/postProcessor.ts";
import type { AlignedTokens, TextPipeline } from "./textPipeline.ts";
import { keptLengths, overflowSpans, type Lengths, type Truncation } from "./truncation.ts";

export type EncodeOptions = {
  /** Second text of a pair. */
  readonly pair?: string | undefined;
  /** Put the template's special tokens around; default true. */
  readonly addSpecialTokens?: boolean;
  /** Without it nothing is cut off. */
  readonly truncation?: Truncation & OverflowOptions;
};

/** For `encode` only. */
export type OverflowOptions = {
  /** Also return what is cut off, as `overflowing`; then the whole text is read. Default false. */
  readonly overflow?: boolean;
  /** Tokens that each overflowing piece shares with the one before; default 0. */
  readonly stride?: number;
};

export type WrapOptions = {
  /** Ids of the second text of a pair. */
  readonly pair?: ArrayLike<number> | undefined;
  readonly addSpecialTokens?: boolean;
  readonly truncation?: Truncation;
};

export type EncodedIds = {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array;
  /** Whether tokens were cut off. (How many is not known: reading stops early.) */
  readonly truncated: boolean;
};

export type SequenceEncoderParts = {
  readonly pipeline: TextPipeline;
  readonly postProcessor: PostProcessor;
  readonly tokenOf: (id: number) => string;
};

export class SequenceEncoder {
  readonly #parts: SequenceEncoderParts;

  constructor(parts: SequenceEncoderParts) {
    this.#parts = parts;
  }

  numSpecialTokens(isPair: boolean): number {
    const { single, pair } = this.#parts.postProcessor;
    return numAddedTokens(isPair ? pair : single);
  }

  encodeIds(text: string, options: EncodeOptions): EncodedIds {
    const { pipeline } = this.#parts;
    const texts = textsOf(text, options.pair);
    const layout = this.#layout(texts.length === 2, options);
    const read = (enough: number) => texts.map((each) => pipeline.encodeIds(each, enough).ids);
    let sequences = read(layout.enough);
    if (needsExactLengths(lengthsOf(sequences), layout)) sequences = read(Infinity);
    return assembleIds(sequences, layout);
  }

  wrapIds(ids: ArrayLike<number>, options: WrapOptions): EncodedIds {
    const sequences = options.pair === undefined ? [ids] : [ids, options.pair];
    const layout = this.#layout(sequences.length === 2, options);
    return assembleIds(
      sequences.map((sequence) => Int32Array.from(sequence)),
      layout,
    );
  }

  encode(text: string, options: EncodeOptions): Encoding {
    const { pipeline } = this.#parts;
    const texts = textsOf(text, options.pair);
    const layout = this.#layout(texts.length === 2, options);
    const read = (enough: number) =>
      texts.map((each) => pipeline.encodeAligned(pipeline.prefixWithTokens(each, enough), enough));
    let sequences = read(layout.enough);
    if (needsExactLengths(lengthsOf(sequences.map((each) => each.ids)), layout)) sequences = read(Infinity);
    return this.#assemble(sequences, layout, options.truncation);
  }

  #layout(isPair: boolean, options: EncodeOptions | WrapOptions): Layout {
    const { postProcessor } = this.#parts;
    const template = isPair ? postProcessor.pair : postProcessor.single;
    const withSpecials = options.addSpecialTokens ?? true;
    const pieces = withSpecials ? template : template.filter((piece) => "sequence" in piece);
    const trims = withSpecials ? postProcessor.trims : postProcessor.trims.map(withoutSpecials);
    const layout = { pieces, trims, withSpecials, strategy: options.truncation?.strategy ?? "longest_first" } as const;
    if (options.truncation === undefined) return { ...layout, room: undefined, enough: Infinity };
    const { direction = "right", overflow = false, stride = 0 }: Truncation & OverflowOptions = options.truncation;
    const room = roomFor(options.truncation, numAddedTokens(pieces));
    if (overflow) checkStride(stride, room);
    return { ...layout, room, direction, enough: direction === "left" || overflow ? Infinity : room };
  }

  #assemble(sequences: readonly AlignedTokens[], layout: Layout, options: OverflowOptions = {}): Encoding {
    const lengths = lengthsOf(sequences.map((each) => each.ids));
    const kept = keptOf(lengths, layout);
    const direction = layout.direction ?? "right";
    const truncated = kept.some((length, i) => length < lengths[i]);
    const runs = sequences.map((tokens, i): Runs => {
      const stride = options.overflow === true ? (options.stride ?? 0) : 0;
      const spans = overflowSpans(tokens.ids.length, kept[i], { stride, direction });
      return { tokens, spans };
    });
    const encodingOf = (choice: Choice, overflowing?: readonly Encoding[]) =>
      new Encoding(this.#partsFor(runs, layout, choice), {
        tokenOf: this.#parts.tokenOf,
        trims: layout.trims,
        truncated,
        ...(overflowing && { overflowing }),
      });
    const choices = options.overflow === true ? overflowChoices(runs, layout.pieces) : [];
    return encodingOf(
      [0, 0],
      choices.map((choice) => encodingOf(choice)),
    );
  }

  #partsFor(runs: readonly Runs[], layout: Layout, choice: Choice): EncodingPart[] {
    const isZero = this.#parts.postProcessor.overflowTypeIds === "zero" && layout.withSpecials;
    return layout.pieces.map((piece) => {
      if ("special" in piece) return piece;
      const { sequence } = piece;
      const overflowTypeId = isZero ? 0 : sequence;
      const { tokens, spans } = runs[sequence];
      const typeId = choice[sequence] === 0 ? piece.typeId : overflowTypeId;
      return { sequence, tokens, span: spans[choice[sequence]], typeId };
    });
  }
}

/** What is to be built, and how much room there is in it. */
type Layout = {
  readonly pieces: readonly TemplatePiece[];
  readonly trims: readonly OffsetTrim[];
  readonly withSpecials: boolean;
  readonly strategy: NonNullable<Truncation["strategy"]>;
  readonly direction?: NonNullable<Truncation["direction"]>;
  /** Tokens that fit beside the special ones; `undefined` when nothing is cut. */
  readonly room: number | undefined;
  /** Reading may stop once a sequence has more tokens than this. */
  readonly enough: number;
};

/** A sequence and its spans: the one that is kept, then those that overflow. */
type Runs = { readonly tokens: AlignedTokens; readonly spans: readonly (readonly [number, number])[] };

/** Index of the span that is taken of each sequence. */
type Choice = readonly [first: number, second: number];

/**
 * Rust joins encodings piece by piece, and what overflows with them: first each overflowing run of the first sequence in
 * the template with every run of the second, then the kept run of the first with each overflowing run of the second.
 */
function overflowChoices(runs: readonly Runs[], pieces: readonly TemplatePiece[]): Choice[] {
  const order = pieces.flatMap((piece) => ("sequence" in piece ? [piece.sequence] : []));
  const [outer, inner] = order;
  const numInner = inner === undefined ? 1 : runs[inner].spans.length;
  const choices: Choice[] = [];
  const choose = (o: number, i: number) => choices.push(outer === 0 ? [o, i] : [i, o]);
  for (let o = 1; o < runs[outer].spans.length; o++) for (let i = 0; i < numInner; i++) choose(o, i);
  for (let i = 1; i < numInner; i++) choose(0, i);
  return choices;
}

const withoutSpecials = (trim: OffsetTrim): OffsetTrim => ({ ...trim, firstIndex: [0, 0] });

function textsOf(text: string, pair: string | undefined): string[] {
  return (pair === undefined ? [text] : [text, pair]).map((each) => each.toWellFormed());
}

function lengthsOf(sequences: readonly { readonly length: number }[]): Lengths {
  const [first, second] = sequences;
  return second === undefined ? [first.length] : [first.length, second.length];
}

/** Reading stopped in both texts of a pair, and which one is the longer decides about the odd token. */
function needsExactLengths([first, second]: Lengths, { room, enough, strategy }: Layout): boolean {
  if (room === undefined || enough === Infinity || second === undefined) return false;
  return strategy === "longest_first" && room % 2 === 1 && first > room && second > room;
}

function keptOf(lengths: Lengths, { room, strategy }: Layout): readonly number[] {
  return room === undefined ? lengths : keptLengths(lengths, room, strategy);
}

function roomFor({ maxLength }: Truncation, numAdded: number): number {
  if (!Number.isInteger(maxLength) || maxLength < 0) {
    const message = `truncation: maxLength must be a whole number, got ${describe(maxLength)}`;
    throw new TokenizerError("encode_option_invalid", message);
  }
  if (maxLength >= numAdded) return maxLength - numAdded;
  throw new TruncationError(
    `truncation: maxLength must be at least ${numAdded}, the special tokens of this input, got ${maxLength}`,
  );
}

function checkStride(stride: number, room: number): void {
  if (!Number.isInteger(stride) || stride < 0) {
    const message = `truncation: stride must be a whole number, got ${describe(stride)}`;
    throw new TokenizerError("encode_option_invalid", message);
  }
  if (stride === 0 || stride < room) return;
  throw new TruncationError(
    `truncation: stride must be less than the ${room} tokens that fit beside the special tokens, got ${stride}`,
  );
}

function assembleIds(sequences: readonly Int32Array[], layout: Layout): EncodedIds {
  const lengths = lengthsOf(sequences);
  const kept = keptOf(lengths, layout);
  const runs = sequences.map((ids, i) =>
    layout.direction === "left" ? ids.subarray(ids.length - kept[i]) : ids.subarray(0, kept[i]),
  );
  const idsOf = (piece: TemplatePiece) => ("special" in piece ? piece.special.ids : runs[piece.sequence]);
  const length = layout.pieces.reduce((sum, piece) => sum + idsOf(piece).length, 0);
  const ids = new Int32Array(length);
  const typeIds = new Int32Array(length);
  let at = 0;
  for (const piece of layout.pieces) {
    const part = idsOf(piece);
    ids.set(part, at);
    if (piece.typeId !== 0) typeIds.fill(piece.typeId, at, at + part.length);
    at += part.length;
  }
  return { ids, typeIds, truncated: kept.some((count, i) => count < lengths[i]) };
}
