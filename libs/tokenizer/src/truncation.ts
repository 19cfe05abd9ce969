/**
 * @file How many tokens of one or two sequences are kept, and which. Follows Rust's `truncate_encodings` and
 * `Encoding::truncate` (tokenizers 0.23.3), with errors where it would panic.
 */
import { TruncationError } from "./errors.ts";

export type TruncationStrategy = "longest_first" | "only_first" | "only_second";
/** The end of the text at which tokens are cut off. */
export type TruncationDirection = "right" | "left";

export type Truncation = {
  /** Most tokens of the result, special tokens included. */
  readonly maxLength: number;
  /** Default "longest_first". */
  readonly strategy?: TruncationStrategy;
  /** Default "right". */
  readonly direction?: TruncationDirection;
};

/** Tokens of the text and, if there is one, of its pair. */
export type Lengths = readonly [first: number] | readonly [first: number, second: number];

/**
 * The number of tokens kept of each sequence.
 *
 * @param room - tokens that fit beside the special tokens
 * @throws TruncationError when the strategy cannot reach `room`
 */
export function keptLengths(lengths: Lengths, room: number, strategy: TruncationStrategy): readonly number[] {
  const [first, second] = lengths;
  const total = first + (second ?? 0);
  if (room === 0) return lengths.map(() => 0);
  if (total <= room) return lengths;
  if (strategy === "longest_first") {
    return second === undefined ? [room] : longestFirst([first, second], room);
  }
  const index = strategy === "only_first" ? 0 : 1;
  const length = lengths[index];
  if (length === undefined) {
    throw new TruncationError(`truncation: only_second needs a pair, got one text of ${first} tokens for ${room}`);
  }
  const kept = length - (total - room);
  if (kept < 1) {
    const which = index === 0 ? "first" : "second";
    throw new TruncationError(
      `truncation: ${strategy} cannot cut ${total} tokens to ${room}, as the ${which} sequence has only ${length} ` +
        `(use longest_first or a greater maxLength)`,
    );
  }
  return lengths.map((each, i) => (i === index ? kept : each));
}

/** The longer one is cut first; when both must be cut, to half each, the odd token to the longer (the second, if equal). */
function longestFirst([first, second]: readonly [number, number], room: number): readonly [number, number] {
  const isSwapped = first > second;
  let short = Math.min(first, second);
  let long = short > room ? short : Math.max(short, room - short);
  if (short + long > room) {
    short = Math.floor(room / 2);
    long = short + (room % 2);
  }
  const kept = isSwapped ? ([long, short] as const) : ([short, long] as const);
  return [Math.min(kept[0], first), Math.min(kept[1], second)];
}

/**
 * Spans of tokens: the one that is kept first, then those that overflow, each sharing `stride` tokens with the one before.
 *
 * @throws TruncationError when `stride` is not less than `kept` and something overflows
 */
export function overflowSpans(
  length: number,
  kept: number,
  options: { readonly stride: number; readonly direction: TruncationDirection },
): (readonly [start: number, end: number])[] {
  const { stride, direction } = options;
  if (kept >= length) return [[0, length]];
  if (kept === 0) return [[0, 0], [0, length]]; // prettier-ignore
  if (stride >= kept) {
    throw new TruncationError(
      `truncation: stride must be less than the ${kept} tokens that are kept of a sequence, got ${stride}`,
    );
  }
  const spans: (readonly [number, number])[] = [];
  for (let taken = 0; ; taken += kept - stride) {
    const end = Math.min(taken + kept, length);
    spans.push(direction === "right" ? [taken, end] : [length - end, length - taken]);
    if (end === length) return spans;
  }
}
