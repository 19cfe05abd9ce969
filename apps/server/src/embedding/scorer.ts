/**
 * @file Texts and pairs to what a task's model says of them: a classifier, a cross-encoder, a tagger, one that answers questions or
 * fills in masked tokens.
 *
 * Softmax and sigmoid follow text-embeddings-inference: over several exclusive classes softmax, else a sigmoid for each.
 */
import type { Batcher, RequestTrace, ServedOutput, TokenizedText } from "@stagecoach/parallel";
import type { Encoding, Tokenizer, TruncationDirection } from "@stagecoach/tokenizer";
import { AnswerRanking, type QuestionText, type RankedAnswer, type RankingOptions } from "@stagecoach/training";
import type { EncoderModel, Task, TaskName } from "@stagecoach/transformer";
import { setImmediate } from "node:timers/promises";
import { encodeInput } from "./encodeInput.ts";
import { expectFewMasks, fillMask, maskedParts, maskedText, targetIds, type Filling } from "./maskFilling.ts";
import { questionWindows, type WindowRequest } from "./questionWindows.ts";
import { rowsOf } from "./rowsOf.ts";
import { sigmoid, softmax } from "./softmax.ts";
import { submitTokenized, type Timings } from "./submitTokenized.ts";

/** A text, or two that belong together: premise and hypothesis, query and passage. */
export type ScoreInput = string | readonly [string, string];

export type RequestOptions = {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly inputField: string;
  /** Of a request that is recorded. */
  readonly trace?: RequestTrace | undefined;
};

export type CuttingOptions = RequestOptions & {
  readonly truncate: boolean;
  readonly truncationDirection: TruncationDirection;
};

export type ScoreOptions = CuttingOptions & {
  /** Logits as they are. */
  readonly rawScores: boolean;
};

export type AnswerOptions = RequestOptions & RankingOptions & WindowRequest;

export type FillMaskOptions = CuttingOptions & {
  /** Tokens for each place. */
  readonly topK: number;
  /** Texts to choose from; the whole vocabulary when left out. */
  readonly targets?: readonly string[] | undefined;
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

/** What a model's files say of what it gives besides vectors. */
export type ScorerFacts = {
  /** As it is served. */
  readonly task: Task;
  /** As the model's config names it. */
  readonly trainedFor: TaskName;
  /** Names of the classes, by number. */
  readonly labels: readonly string[];
};

export type ScorerOptions = ScorerFacts & {
  readonly model: EncoderModel;
  readonly tokenizer: Tokenizer;
  readonly batcher: Batcher;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};

export class Scorer {
  readonly task: Task;
  readonly trainedFor: TaskName;
  readonly labels: readonly string[];
  readonly #options: ScorerOptions;

  constructor(options: ScorerOptions) {
    this.#options = options;
    this.task = options.task;
    this.trainedFor = options.trainedFor;
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

  /** The best answers to each question, out of its context. Nothing is cut off: a long context is read in windows. */
  async answer(questions: readonly QuestionText[], options: AnswerOptions): Promise<Scored<readonly RankedAnswer[]>> {
    const { tokenizer, model, now } = this.#options;
    const started = now();
    const windows = questionWindows(questions, { ...options, tokenizer, longest: model.modules.maxLength });
    const texts = windows.flat().map(({ encoding }) => textOf(encoding));
    const { scores, ...rest } = await this.#run(texts, "tokenScores", { ...options, started, numTruncated: 0 });
    const results: RankedAnswer[][] = [];
    let next = 0;
    for (const [index, { context }] of questions.entries()) {
      const ranking = new AnswerRanking(context, options);
      for (const window of windows[index]!) {
        ranking.add(window, columns(scores[next++]!));
        // It takes a millisecond or two, and there may be thousands: heartbeats and other requests come in between.
        await setImmediate();
      }
      results.push(ranking.answers());
    }
    return { results, ...rest };
  }

  /** What may stand in the place of each masked token of each text. @throws InvalidInputError for a text without one */
  async fillMask(texts: readonly string[], options: FillMaskOptions): Promise<Scored<readonly (readonly Filling[])[]>> {
    const { tokenizer, model, now } = this.#options;
    const started = now();
    const { topK, inputField } = options;
    const { vocabSize } = model.config;
    const targets = options.targets && targetIds(tokenizer, options.targets, vocabSize);
    const encodings = texts.map((text, index) => this.#encode(text, index, options));
    const masked = encodings.map((encoding, index) => maskedText(tokenizer, encoding, { index, inputField }));
    expectFewMasks(masked, { vocabSize, topK, inputField });
    const parts = masked.flatMap(maskedParts);
    const numTruncated = encodings.filter(({ truncated }) => truncated).length;
    const { scores, ...rest } = await this.#run(parts, "maskedScores", { ...options, started, numTruncated });
    const rows = scores.flatMap((values) => rowsOf(values, vocabSize));
    const results: Filling[][][] = masked.map(() => []);
    let next = 0;
    for (const [index, text] of masked.entries()) {
      for (const place of text.places) {
        results[index]!.push(fillMask(tokenizer, text, { place, scores: rows[next++]!, topK, targets }));
        await setImmediate();
      }
    }
    return { results, ...rest };
  }

  async #score(inputs: readonly ScoreInput[], options: ScoreOptions, output: "textScores" | "tokenScores") {
    const started = this.#options.now();
    const encodings = inputs.map((input, index) => this.#encode(input, index, options));
    const numTruncated = encodings.filter(({ truncated }) => truncated).length;
    const { scores, ...rest } = await this.#run(encodings.map(textOf), output, { ...options, started, numTruncated });
    return { scored: encodings.map((encoding, index) => ({ encoding, values: scores[index]! })), ...rest };
  }

  /** @param request.started - when tokenization began */
  async #run(
    texts: readonly TokenizedText[],
    output: ServedOutput,
    request: RequestOptions & { readonly started: number; readonly numTruncated: number },
  ) {
    const { batcher, now } = this.#options;
    const { timeoutMs, signal, trace, started, numTruncated } = request;
    const numTokens = texts.reduce((total, { ids }) => total + ids.length, 0);
    const tokenized = { texts, numTokens, numTruncated };
    const { vectors, timings } = await submitTokenized(batcher, tokenized, {
      output,
      timeoutMs,
      signal,
      trace,
      started,
      now,
    });
    return { scores: vectors, numTokens, numTruncated, timings };
  }

  #encode(input: ScoreInput, index: number, options: CuttingOptions): Encoding {
    const { tokenizer, model } = this.#options;
    const { maxLength } = model.modules;
    return encodeInput(tokenizer, input, { ...options, maxLength, what: `input ${index}` });
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

const textOf = ({ ids, typeIds }: Encoding): TokenizedText => ({ ids, typeIds });

/** `[L, 2]` as its two columns. */
function columns(values: Float32Array): { readonly start: Float32Array; readonly end: Float32Array } {
  return { start: values.filter((_, index) => index % 2 === 0), end: values.filter((_, index) => index % 2 === 1) };
}
