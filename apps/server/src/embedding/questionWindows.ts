/** @file The windows in which questions and their contexts are read, with the lengths of transformers' pipeline and a bound on their number. */
import type { Tokenizer } from "@stagecoach/tokenizer";
import {
  contextWindows,
  countContextWindows,
  defaultStride,
  type ContextWindow,
  type QuestionText,
} from "@stagecoach/training";
import { InvalidInputError } from "./errors.ts";

export type WindowRequest = {
  /** Most tokens of a window. Default: what the model takes, at most 384. */
  readonly maxLength?: number | undefined;
  /** Tokens of the context that neighbouring windows share. Default: half a window, at most 128. */
  readonly stride?: number | undefined;
};

type Reading = WindowRequest & {
  readonly tokenizer: Tokenizer;
  /** Most tokens that the model takes. */
  readonly longest: number;
  readonly inputField: string;
};

/** As the question-answering pipeline of transformers 4.57 has it. */
const DEFAULT_LENGTH = 384;
/** Of one request: a long question and a large stride would make hundreds of thousands of a context of a megabyte. */
const MAX_WINDOWS = 4096;

/** @returns the windows of each question, at least one @throws InvalidInputError */
export function questionWindows(questions: readonly QuestionText[], reading: Reading): ContextWindow[][] {
  const { tokenizer, longest, inputField, maxLength = Math.min(longest, DEFAULT_LENGTH) } = reading;
  if (maxLength > longest)
    throw new InvalidInputError(`\`max_seq_len\`: expected at most ${longest} tokens, got ${maxLength}`, "max_seq_len");
  const { stride = defaultStride(maxLength) } = reading;
  const counts = questions.map((question) => countContextWindows(tokenizer, question, { maxLength, stride }));
  const impossible = counts.indexOf(Infinity);
  if (impossible !== -1)
    throw new InvalidInputError(
      `input ${impossible}: expected a question that leaves room for more than ${stride} tokens of the context in windows of ${maxLength} tokens, got a longer one (shorten it, or lower doc_stride)`,
      inputField,
    );
  const total = counts.reduce((a, b) => a + b, 0);
  if (total > MAX_WINDOWS)
    throw new InvalidInputError(
      `\`${inputField}\`: expected contexts of at most ${MAX_WINDOWS} windows together, got ${total} (shorten contexts or questions, or lower doc_stride)`,
      inputField,
    );
  return questions.map((question, index) => {
    const windows = contextWindows(tokenizer, question, { maxLength, stride });
    if (windows.every(({ offsets }) => offsets.every((offset) => offset < 0)))
      throw new InvalidInputError(`input ${index}: expected a context with words, got none in it`, inputField);
    return windows;
  });
}
