/**
 * @file Texts and pairs to a task's scores: what a classifier, a cross-encoder or a tagger says of them.
 *
 * Softmax and sigmoid follow text-embeddings-inference: over several exclusive classes softmax, else a sigmoid for each.
 */
import type { Batcher, TokenizedText } from "@stagecoach/parallel";
import type { Encoding, Tokenizer, TruncationDirection } from "@stagecoach/tokenizer";
import type { EncoderModel, Task } from "@stagecoach/transformer";
import type { Timings } from "./embedder.ts";
import { InvalidInputError } from "./errors.ts";

/** A text, or two that belong together: premise and hypothesis, query and passage. */
export type ScoreInput = string | readonly [string, string];

export type ScoreOptions = {
  readonly truncate: boolean;
  readonly truncationDirection: TruncationDirection;
  /** Logits as they are. */
  readonly rawScores: boolean;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly inputField: string;
};

export type Scored<T> = {
  readonly results: readonly T[];
  readonly numTokens: number;
  readonly numTruncated: number;
  readonly timings: Timings;
};

export type LabelScore = { readonly label: string; readonly score: number };

/** A run of words with one label, as transformers' pipelines give it with `aggregation_strategy="simple"`. */
export type LabelledSpan = {
  readonly entity_group: string;
  readonly score: number;
  readonly word: string;
  /** UTF-16 units of the text. */
  readonly start: number;
  readonly end: number;
};

export type ScorerOptions = {
  readonly model: EncoderModel;
  readonly task: Task;
  /** Names of the classes, by number. */
  readonly labels: readonly string[];
  readonly tokenizer: Tokenizer;
  readonly batcher: Batcher;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};

export class Scorer {
  readonly task: Task;
  readonly labels: readonly string[];
  readonly #options: ScorerOptions;

  constructor(options: ScorerOptions) {
    this.#options = options;
    this.task = options.task;
    this.labels = options.labels;
  }

  /** Scores of all classes for each input, the best first. */
  async classify(inputs: readonly ScoreInput[], options: ScoreOptions): Promise<Scored<readonly LabelScore[]>> {
    const { scored, ...rest } = await this.#score(inputs, options, "textScores");
    const results = scored.map(({ values }) => {
      const scores = options.rawScores ? [...values] : this.#probabilities(values);
      return scores.map((score, index) => ({ label: this.#label(index), score })).toSorted((a, b) => b.score - a.score);
    });
    return { results, ...rest };
  }

  /** Labelled runs of words in each text; what is labelled `O` is left out. */
  async tag(inputs: readonly ScoreInput[], options: ScoreOptions): Promise<Scored<readonly LabelledSpan[]>> {
    const { scored, ...rest } = await this.#score(inputs, options, "tokenScores");
    const results = scored.map(({ encoding, values }, index) => {
      const text = inputs[index];
      return this.#spans(encoding, values, typeof text === "string" ? text : (text?.[0] ?? ""));
    });
    return { results, ...rest };
  }

  async #score(inputs: readonly ScoreInput[], options: ScoreOptions, output: "textScores" | "tokenScores") {
    const { batcher, now } = this.#options;
    const started = now();
    const encodings = inputs.map((input, index) => this.#encode(input, index, options));
    const tokenizationMs = now() - started;
    const texts: TokenizedText[] = encodings.map(({ ids, typeIds }) => ({ ids, typeIds }));
    const { timeoutMs, signal } = options;
    const { vectors, queueMs, inferenceMs } = await batcher.submit({ texts, output, timeoutMs, signal });
    return {
      scored: encodings.map((encoding, index) => ({ encoding, values: vectors[index]! })),
      numTokens: texts.reduce((total, { ids }) => total + ids.length, 0),
      numTruncated: encodings.filter(({ truncated }) => truncated).length,
      timings: { tokenizationMs, queueMs, inferenceMs },
    };
  }

  #encode(input: ScoreInput, index: number, options: ScoreOptions): Encoding {
    const { tokenizer, model } = this.#options;
    const [text, pair] = typeof input === "string" ? [input] : input;
    const { maxLength } = model.modules;
    const direction = options.truncationDirection;
    const encoding = tokenizer.encode(text, {
      ...(pair === undefined ? {} : { pair }),
      truncation: { maxLength, strategy: "longest_first", direction },
    });
    if (encoding.truncated && !options.truncate) {
      throw new InvalidInputError(
        `input ${index}: expected at most ${maxLength} tokens, got more (shorten it, or set truncate to true)`,
        options.inputField,
      );
    }
    return encoding;
  }

  #probabilities(logits: Float32Array): number[] {
    const { task } = this.#options;
    const areExclusive = !("problemType" in task) || task.problemType === "single_label_classification";
    return areExclusive && logits.length > 1 ? softmax(logits) : Array.from(logits, sigmoid);
  }

  #label(index: number): string {
    return this.labels[index] ?? `LABEL_${index}`;
  }

  #spans(encoding: Encoding, values: Float32Array, text: string): LabelledSpan[] {
    const C = values.length / encoding.length;
    const spans: { group: string; scores: number[]; start: number; end: number; word: number }[] = [];
    for (let token = 0; token < encoding.length; token++) {
      if (encoding.specialTokensMask[token] === 1) continue;
      const scores = softmax(values.subarray(token * C, (token + 1) * C));
      const best = scores.indexOf(Math.max(...scores));
      const label = this.#label(best);
      const [prefix, group] = /^[BI]-/.test(label) ? [label.slice(0, 1), label.slice(2)] : ["I", label];
      const [start, end] = [encoding.offsets[2 * token]!, encoding.offsets[2 * token + 1]!];
      const last = spans.at(-1);
      if (last !== undefined && last.group === group && prefix !== "B" && last.word === token - 1) {
        last.scores.push(scores[best]!);
        Object.assign(last, { end, word: token });
      } else spans.push({ group, scores: [scores[best]!], start, end, word: token });
    }
    return spans
      .filter(({ group }) => group !== "O")
      .map(({ group, scores, start, end }) => ({
        entity_group: group,
        score: scores.reduce((a, b) => a + b, 0) / scores.length,
        word: text.slice(start, end),
        start,
        end,
      }));
  }
}

export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
