/**
 * @file Trains the vocabulary of a BERT tokenizer on lines of text and makes its `tokenizer.json`, which Python's
 * tokenizers and transformers load.
 */
import { TokenizerError, VocabularyTrainingError } from "../errors.ts";
import { JsonFields } from "../jsonFields.ts";
import { createNormalizer } from "../normalizers/createNormalizer.ts";
import { createPreTokenizer } from "../preTokenizers/createPreTokenizer.ts";
import {
  bertSpecialTokens,
  bertTokenizerFile,
  defaultPrefix,
  type BertTokenizerFile,
  type BertTokenizerOptions,
} from "./bertTokenizerFile.ts";
import { learnWordPieces, type LearnOptions } from "./learnWordPieces.ts";
import { WordCounter } from "./wordCounter.ts";

/** `count`: lines read; `learn`: tokens learned, of `vocabSize`. */
export type TrainingProgress =
  | { readonly phase: "count"; readonly lines: number }
  | { readonly phase: "learn"; readonly tokens: number; readonly vocabSize: number };

export type WordPieceTrainingOptions = BertTokenizerOptions & {
  /** Tokens of the vocabulary, special ones and characters included; default 30,522 (as BERT's). */
  readonly vocabSize?: number;
  /** Pairs that occur less often are not merged; default 2. */
  readonly minFrequency?: number;
  /** Characters to keep at most, the most frequent ones; default 1,000. */
  readonly limitAlphabet?: number;
  /** Characters to have in any case. */
  readonly initialAlphabet?: readonly string[];
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly signal?: AbortSignal;
};

const defaults = { vocabSize: 30_522, minFrequency: 2, limitAlphabet: 1000 } as const;
/** Work is interrupted this often to let other work in. */
const sliceMs = 40;

/**
 * @param lines - text, for example lines of files; memory needed is that of the table of distinct words
 * @returns the parsed form of tokenizer.json and tokenizer_config.json
 * @throws VocabularyTrainingError when an option is unusable or there are no words; TokenizerError "aborted" by `signal`
 */
export async function trainWordPiece(
  lines: AsyncIterable<string> | Iterable<string>,
  options: WordPieceTrainingOptions = {},
): Promise<BertTokenizerFile> {
  const learnOptions = checkedOptions(options);
  const slices = new TimeSlices(options.signal);
  const counter = wordCounter(bertTokenizerFile([], options));
  let numLines = 0;
  for await (const line of lines) {
    counter.addLine(line);
    numLines++;
    if (slices.isOver()) {
      options.onProgress?.({ phase: "count", lines: numLines });
      await slices.next();
    }
  }
  options.onProgress?.({ phase: "count", lines: numLines });
  const counts = counter.counts();
  if (counts.size === 0)
    throw new VocabularyTrainingError(`trainWordPiece: expected words, got none in ${numLines} lines`);
  const learning = learnWordPieces(counts, learnOptions);
  const report = (tokens: number) =>
    options.onProgress?.({ phase: "learn", tokens, vocabSize: learnOptions.vocabSize });
  for (;;) {
    const step = learning.next();
    if (step.done === true) {
      report(step.value.length);
      return bertTokenizerFile(step.value, options);
    }
    if (slices.isOver()) {
      report(step.value.numTokens);
      await slices.next();
    }
  }
}

function wordCounter({ tokenizer }: BertTokenizerFile): WordCounter {
  const file = new JsonFields(tokenizer, "tokenizer.json");
  const normalizer = createNormalizer(file.object.normalizer, file.path("normalizer"));
  const preTokenizer = createPreTokenizer(file.object.pre_tokenizer, file.path("pre_tokenizer"));
  return new WordCounter((text) => {
    const normalized = normalizer.normalizeString(text);
    return normalized === "" ? [] : preTokenizer.preTokenizeStrings([normalized]);
  });
}

function checkedOptions(options: WordPieceTrainingOptions): LearnOptions {
  const specialTokens = bertSpecialTokens(options);
  const whole = (name: keyof typeof defaults, least: number) => {
    const value = options[name] ?? defaults[name];
    if (Number.isInteger(value) && value >= least) return value;
    throw new VocabularyTrainingError(
      `trainWordPiece: ${name} must be a whole number of at least ${least}, got ${value}`,
    );
  };
  return {
    vocabSize: whole("vocabSize", specialTokens.length + 1),
    minFrequency: whole("minFrequency", 0),
    limitAlphabet: whole("limitAlphabet", 1),
    specialTokens,
    continuingSubwordPrefix: options.continuingSubwordPrefix ?? defaultPrefix,
    ...(options.initialAlphabet && { initialAlphabet: options.initialAlphabet }),
  };
}

/** Tells when it is time to let other work in, and ends the work when it is aborted. */
class TimeSlices {
  readonly #signal: AbortSignal | undefined;
  #end = performance.now() + sliceMs;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  isOver(): boolean {
    return performance.now() >= this.#end || this.#signal?.aborted === true;
  }

  async next(): Promise<void> {
    if (this.#signal?.aborted === true) {
      throw new TokenizerError("aborted", "trainWordPiece: aborted", { cause: this.#signal.reason });
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#end = performance.now() + sliceMs;
  }
}
