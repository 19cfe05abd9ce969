/**
 * @file A question and its context as a model reads them: a context that is too long becomes windows that overlap, each with the
 * whole question before it, as in transformers' run_qa.py and its question-answering pipeline.
 */
import type { Encoding, Tokenizer } from "@stagecoach/tokenizer";

export type QuestionText = { readonly question: string; readonly context: string };

export type WindowOptions = {
  /** Most tokens of a window, special tokens included. */
  readonly maxLength: number;
  /** Tokens of the context that neighbouring windows share. */
  readonly stride: number;
};

/** Of windows of so many tokens, where nobody says another: transformers' 128, and half a window of short ones. */
export function defaultStride(maxLength: number): number {
  return Math.min(Math.floor(maxLength / 2), 128);
}

export type ContextWindow = {
  readonly encoding: Encoding;
  /** `[L, 2]`: start and end of each token in the context, in UTF-16 units; -1 for tokens outside the context. */
  readonly offsets: Int32Array;
};

/**
 * @returns at least one window, in the order of the context
 * @throws TruncationError when the question leaves no room for more of the context than the stride
 */
export function contextWindows(tokenizer: Tokenizer, text: QuestionText, options: WindowOptions): ContextWindow[] {
  const truncation = { ...options, strategy: "only_second", overflow: true } as const;
  const encoding = tokenizer.encode(text.question, { pair: text.context, truncation });
  return [encoding, ...encoding.overflowing].map((window) => ({ encoding: window, offsets: contextOffsets(window) }));
}

/** How many windows there would be, without making them: each repeats the question, so a small step makes very many. */
export function countContextWindows(tokenizer: Tokenizer, text: QuestionText, options: WindowOptions): number {
  const lengthOf = (part: string) => tokenizer.encodeIds(part, { addSpecialTokens: false }).ids.length;
  const room = options.maxLength - lengthOf(text.question) - tokenizer.numSpecialTokens({ isPair: true });
  const length = lengthOf(text.context);
  if (length <= room) return 1;
  return room <= options.stride ? Infinity : 1 + Math.ceil((length - room) / (room - options.stride));
}

function contextOffsets({ offsets, sequenceIds }: Encoding): Int32Array {
  return offsets.map((offset, i) => (sequenceIds[i >> 1] === 1 ? offset : -1));
}
