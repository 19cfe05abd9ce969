/** @file A text, or a pair of texts, as tokens that a model takes: cut, or refused where it is not to be cut. */
import type { Encoding, Tokenizer, TruncationDirection } from "@stagecoach/tokenizer";
import { InvalidInputError } from "./errors.ts";

type Cutting = {
  readonly maxLength: number;
  readonly truncate: boolean;
  readonly truncationDirection: TruncationDirection;
  /** Of the input, for the message. */
  readonly what: string;
  readonly inputField: string;
};

/** @throws InvalidInputError */
export function encodeInput(
  tokenizer: Tokenizer,
  input: string | readonly [string, string?],
  { maxLength, truncate, truncationDirection: direction, what, inputField }: Cutting,
): Encoding {
  const [text, pair] = typeof input === "string" ? [input] : input;
  const encoding = tokenizer.encode(text, {
    ...(pair === undefined ? {} : { pair }),
    truncation: { maxLength, strategy: "longest_first", direction },
  });
  if (!encoding.truncated || truncate) return encoding;
  throw new InvalidInputError(
    `${what}: expected at most ${maxLength} tokens, got more (shorten it, or set truncate to true)`,
    inputField,
  );
}
