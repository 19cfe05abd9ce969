/** @file Trained vocabularies against Rust's WordPieceTrainer (tools/oracles/tokenizer_training.py). */
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { TokenizerError, VocabularyTrainingError } from "../errors.ts";
import { createNormalizer } from "../normalizers/createNormalizer.ts";
import { bertPreTokenizer } from "../preTokenizers/splitters.ts";
import { Tokenizer } from "../tokenizer.ts";
import { bertTokenizerFile } from "./bertTokenizerFile.ts";
import { learnWordPieces, type LearnOptions } from "./learnWordPieces.ts";
import { trainWordPiece, type TrainingProgress } from "./trainWordPiece.ts";
import { WordCounter } from "./wordCounter.ts";

type Vocabulary = Readonly<Record<string, number>>;
type Run = {
  readonly options: {
    readonly vocab_size: number;
    readonly min_frequency: number;
    readonly initial_alphabet?: string[];
    readonly lowercase?: boolean;
    readonly continuing_subword_prefix?: string;
  };
  readonly file: { readonly model: { readonly vocab: Vocabulary } };
  readonly ids: number[][];
};
const oracle = JSON.parse(
  gunzipSync(readFileSync(new URL("../../fixtures/training.json.gz", import.meta.url))).toString(),
) as { lines: string[]; texts: string[]; runs: Run[] };

const specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const tokensById = (vocab: Vocabulary) => Object.keys(vocab).toSorted((a, b) => vocab[a] - vocab[b]);
const vocabularyOf = ({ tokenizer }: { tokenizer: object }) => (tokenizer as Run["file"]).model.vocab;

function wordCounts(lines: readonly string[], lowercase = true): ReadonlyMap<string, number> {
  const normalizer = createNormalizer({ type: "BertNormalizer", lowercase }, "normalizer");
  const preTokenizer = bertPreTokenizer();
  const counter = new WordCounter((text) => preTokenizer.preTokenizeStrings([normalizer.normalizeString(text)]));
  for (const line of lines) counter.addLine(line);
  return counter.counts();
}

function learned(
  counts: ReadonlyMap<string, number>,
  options: Partial<LearnOptions> & { readonly vocabSize: number },
): string[] {
  const learning = learnWordPieces(counts, {
    specialTokens,
    minFrequency: 0,
    continuingSubwordPrefix: "##",
    ...options,
  });
  for (;;) {
    const step = learning.next();
    if (step.done === true) return step.value;
  }
}

/** The order in which a run of Rust's met the characters inside words. */
function continuingAlphabet(vocab: Vocabulary, prefix: string): string[] {
  const continued = tokensById(vocab).filter((token) => token.startsWith(prefix));
  return continued.map((token) => token.slice(prefix.length)).filter((rest) => Array.from(rest).length === 1);
}

function learnedAsIn({ options, file }: Run): string[] {
  const prefix = options.continuing_subword_prefix ?? "##";
  return learned(wordCounts(oracle.lines, options.lowercase), {
    vocabSize: options.vocab_size,
    minFrequency: options.min_frequency,
    continuingSubwordPrefix: prefix,
    continuingAlphabet: continuingAlphabet(file.model.vocab, prefix),
    ...(options.initial_alphabet && { initialAlphabet: options.initial_alphabet }),
  });
}

const fileOptions = ({ options }: Run) => ({
  lowercase: options.lowercase ?? true,
  continuingSubwordPrefix: options.continuing_subword_prefix ?? "##",
});

describe("learnWordPieces()", () => {
  test.each(oracle.runs)("gives the vocabulary of Rust's run, id for id: $options", (run) => {
    expect(learnedAsIn(run)).toEqual(tokensById(run.file.model.vocab));
  });

  test("keeps the most frequent characters, and those that are asked for", () => {
    const counts = new Map([["ab", 5], ["cd", 3], ["e", 1]]); // prettier-ignore
    const options = { vocabSize: 100, specialTokens: ["[UNK]"], limitAlphabet: 3 };
    expect(learned(counts, options)).toEqual(["[UNK]", "a", "b", "c", "##b", "ab"]);
    expect(learned(counts, { ...options, initialAlphabet: ["e"] })).toEqual(["[UNK]", "a", "b", "e", "##b", "ab"]);
  });

  test("does not merge what occurs less often than minFrequency", () => {
    const counts = new Map([["ab", 2], ["cd", 3]]); // prettier-ignore
    const tokens = learned(counts, { vocabSize: 100, minFrequency: 3 });
    expect([tokens.includes("cd"), tokens.includes("ab")]).toEqual([true, false]);
  });

  test("refuses a character to begin with that is none", () => {
    expect(() => learned(new Map([["a", 1]]), { vocabSize: 9, initialAlphabet: ["ab"] })).toThrow(
      VocabularyTrainingError,
    );
  });
});

describe("bertTokenizerFile()", () => {
  test.each(oracle.runs)("is the file that Rust writes for its run: $options", (run) => {
    expect(bertTokenizerFile(tokensById(run.file.model.vocab), fileOptions(run)).tokenizer).toEqual(run.file);
  });

  test.each(oracle.runs)("gives the ids that Rust gives after its run: $options", (run) => {
    const tokenizer = new Tokenizer(bertTokenizerFile(learnedAsIn(run), fileOptions(run)));
    expect(oracle.texts.map((text) => Array.from(tokenizer.encode(text).ids))).toEqual(run.ids);
  });

  test("refuses special tokens that lack one with a role, or name one twice", () => {
    expect(() => bertTokenizerFile([], { specialTokens: ["[PAD]"] })).toThrow(
      /expected \[UNK\] \(unkToken\) among them/,
    );
    expect(() => bertTokenizerFile([], { specialTokens: [...specialTokens, "[PAD]"] })).toThrow(/different tokens/);
  });
});

describe("trainWordPiece()", () => {
  test("learns from lines that come one by one, and reports lines and tokens", async () => {
    const reports: TrainingProgress[] = [];
    async function* lines() {
      for (const line of oracle.lines) yield await Promise.resolve(line);
    }
    const result = await trainWordPiece(lines(), { vocabSize: 300, onProgress: (report) => reports.push(report) });
    const tokens = tokensById(vocabularyOf(result));
    expect(tokens).toEqual(learned(wordCounts(oracle.lines), { vocabSize: 300, minFrequency: 2, limitAlphabet: 1000 }));
    expect(reports).toContainEqual({ phase: "count", lines: oracle.lines.length });
    expect(reports.at(-1)).toEqual({ phase: "learn", tokens: 300, vocabSize: 300 });
    expect(result.config).toMatchObject({
      tokenizer_class: "BertTokenizer",
      do_lower_case: true,
      mask_token: "[MASK]",
    });
  });

  test("ends when it is aborted, while counting and while learning", async () => {
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(trainWordPiece(oracle.lines, { signal: controller.signal })).rejects.toMatchObject({
      code: "aborted",
    });
    const later = new AbortController();
    const onProgress = ({ phase }: TrainingProgress) => phase === "count" && later.abort();
    await expect(trainWordPiece(oracle.lines, { signal: later.signal, onProgress })).rejects.toThrow(TokenizerError);
  });

  test("refuses text without words and options that are no numbers", async () => {
    await expect(trainWordPiece(["", " \t"])).rejects.toThrow("expected words, got none in 2 lines");
    await expect(trainWordPiece(["a"], { vocabSize: 5 })).rejects.toThrow(
      /vocabSize must be a whole number of at least 6/,
    );
    await expect(trainWordPiece(["a"], { minFrequency: -1 })).rejects.toThrow(VocabularyTrainingError);
  });

  const golden = new URL("../../../../../shared/golden/wordpiece-training.json", import.meta.url);
  const isThere = existsSync(golden);
  test.skipIf(!isThere)(
    `agrees with ../shared/golden/wordpiece-training.json${isThere ? "" : " (skipped: there is no ../shared)"}`,
    async () => {
      type Golden = {
        lines: string[];
        vocab_size: number;
        min_frequency: number;
        vocab: Vocabulary;
        encoded: { text: string; tokens: string[] }[];
      };
      const { lines, vocab_size, min_frequency, vocab, encoded } = JSON.parse(readFileSync(golden, "utf8")) as Golden;
      const options = { vocabSize: vocab_size, minFrequency: min_frequency };
      const result = await trainWordPiece(lines, options);
      expect(Object.keys(vocabularyOf(result)).toSorted()).toEqual(Object.keys(vocab).toSorted());
      const tokenizer = new Tokenizer(result);
      for (const { text, tokens } of encoded)
        expect(tokenizer.encode(text, { addSpecialTokens: false }).tokens).toEqual(tokens);
      const inOrder = learned(wordCounts(lines), { ...options, continuingAlphabet: continuingAlphabet(vocab, "##") });
      expect(inOrder).toEqual(tokensById(vocab));
    },
  );
});

describe("WordCounter", () => {
  test("counts the same when it splits what it collected more than once", () => {
    const counter = new WordCounter((text) => text.split("-"));
    for (let i = 0; i < 250_000; i++) counter.addLine(`x${i % 120_000}-y\tz`);
    const counts = counter.counts();
    expect([counts.get("y"), counts.get("z"), counts.get("x0"), counts.get("x119999")]).toEqual([
      250_000, 250_000, 3, 2,
    ]);
  });

  test("takes a lone surrogate for U+FFFD", () => {
    const counter = new WordCounter((text) => [text]);
    counter.addLine("a\ud800 b");
    expect(Array.from(counter.counts().keys())).toEqual(["a\ufffd", "b"]);
  });
});
