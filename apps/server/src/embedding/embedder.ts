/**
 * @file Texts to vectors: prompt, tokens, micro-batches, and what a request wants of the vectors (length, unit norm).
 *
 * Serves HTTP routes and programs alike. Batching and pipelines are libs/parallel's; this is the part that knows text.
 */
import type { Batcher, RequestTrace } from "@stagecoach/parallel";
import { TokenIdError, type Tokenizer, type Truncation, type TruncationDirection } from "@stagecoach/tokenizer";
import { normalizeInPlace, type EncoderModel } from "@stagecoach/transformer";
import { EmptyInputError, InvalidInputError } from "./errors.ts";
import { submitTokenized, type Timings, type Tokenized } from "./submitTokenized.ts";

/** A text, or the ids of one without special tokens. */
export type TextInput = string | readonly number[];

export type TokenizeOptions = {
  /** Cut what is longer than the model takes; else it is an error. */
  readonly truncate: boolean;
  readonly truncationDirection?: TruncationDirection;
  /** A prompt of the model to put before each text; `undefined` takes the model's default, null none. */
  readonly promptName?: string | null;
  /** What the caller calls the inputs, for errors. */
  readonly inputField?: string;
};

export type EmbedOptions = TokenizeOptions & {
  /** Unit length. */
  readonly normalize: boolean;
  /** Keep this many values of each vector (Matryoshka embeddings); before normalization. */
  readonly dimensions?: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Of a request that is recorded. */
  readonly trace?: RequestTrace | undefined;
};

export type Embedded = {
  /** Per input: `[E]`. */
  readonly vectors: readonly Float32Array[];
  readonly numTokens: number;
  readonly numTruncated: number;
  readonly timings: Timings;
};

type Wrap = { readonly index: number; readonly truncation: Truncation; readonly inputField: string };

export type EmbedderOptions = {
  readonly model: EncoderModel;
  readonly tokenizer: Tokenizer;
  readonly batcher: Batcher;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};

export class Embedder {
  readonly model: EncoderModel;
  readonly tokenizer: Tokenizer;
  readonly batcher: Batcher;
  readonly #now: () => number;

  constructor({ model, tokenizer, batcher, now }: EmbedderOptions) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.batcher = batcher;
    this.#now = now;
  }

  /** Longest input in tokens, special tokens included. */
  get maxLength(): number {
    return this.model.modules.maxLength;
  }

  get dimensions(): number {
    return this.model.modules.dimensions;
  }

  /** One vector per input. @throws EmptyInputError, InvalidInputError, and what Batcher.submit throws */
  async embed(inputs: readonly TextInput[], options: EmbedOptions): Promise<Embedded> {
    const { dimensions, normalize } = options;
    this.#expectDimensions(dimensions);
    const { tokenized, vectors, timings } = await this.#run(inputs, options, "sentence");
    const finished = vectors.map((vector) => {
      const kept = dimensions === undefined ? vector : vector.subarray(0, dimensions);
      return normalize ? normalizeInPlace(kept) : kept;
    });
    return { vectors: finished, numTokens: tokenized.numTokens, numTruncated: tokenized.numTruncated, timings };
  }

  /** One vector per token of each input, special tokens included: `[tokens][D]`. */
  async embedTokens(inputs: readonly TextInput[], options: Omit<EmbedOptions, "normalize" | "dimensions">) {
    const { tokenized, vectors, timings } = await this.#run(inputs, options, "tokens");
    const { hiddenSize } = this.model.config;
    const tokens = vectors.map((rows) =>
      Array.from({ length: rows.length / hiddenSize }, (_, row) =>
        rows.subarray(row * hiddenSize, (row + 1) * hiddenSize),
      ),
    );
    return { tokens, numTokens: tokenized.numTokens, numTruncated: tokenized.numTruncated, timings };
  }

  /** Ids as the model gets them. @throws EmptyInputError, InvalidInputError */
  tokenize(inputs: readonly TextInput[], options: TokenizeOptions): Tokenized {
    const { inputField = "inputs" } = options;
    if (inputs.length === 0)
      throw new EmptyInputError(`\`${inputField}\` cannot be empty: give at least one text`, inputField);
    const prompt = this.promptOf(options.promptName);
    if (typeof options.promptName === "string") expectTexts(inputs);
    let numTruncated = 0;
    const texts = inputs.map((input, index) => {
      const { ids, typeIds, truncated } = this.#encode(input, { prompt, index, ...options });
      if (truncated) numTruncated++;
      this.expectEmbedded(ids, { index, inputField });
      return { ids, typeIds };
    });
    return { texts, numTokens: texts.reduce((total, { ids }) => total + ids.length, 0), numTruncated };
  }

  /** What the tokenizer reads: `do_lower_case` of sentence-transformers lower-cases before anything else, the prompt too. */
  textOf(input: string, prompt: string): string {
    const text = prompt + input;
    return this.model.modules.lowerCase ? text.toLowerCase() : text;
  }

  /** The prompt of a name. @throws InvalidInputError for a name that the model does not have */
  promptOf(name: string | null | undefined): string {
    const { prompts, defaultPromptName } = this.model.modules;
    const chosen = name === undefined ? defaultPromptName : name;
    if (chosen === null) return "";
    const prompt = Object.hasOwn(prompts, chosen) ? prompts[chosen] : undefined;
    if (prompt === undefined) {
      const known = Object.keys(prompts).join(", ") || "none";
      throw new InvalidInputError(
        `\`prompt_name\`: expected one of the model's prompts (${known}), got "${chosen}"`,
        "prompt_name",
      );
    }
    return prompt;
  }

  /** A tokenizer can have tokens that its model was never resized for. @throws InvalidInputError */
  expectEmbedded(ids: Int32Array, { index, inputField }: { readonly index: number; readonly inputField: string }) {
    const { vocabSize } = this.model.config;
    const beyond = ids.find((id) => id >= vocabSize);
    if (beyond === undefined) return;
    throw new InvalidInputError(
      `input ${index}: expected token ids below ${vocabSize}, the size of the model's embedding table, got ${beyond}`,
      inputField,
    );
  }

  async #run(
    inputs: readonly TextInput[],
    options: Omit<EmbedOptions, "normalize" | "dimensions">,
    output: "sentence" | "tokens",
  ) {
    const started = this.#now();
    const tokenized = this.tokenize(inputs, options);
    const { timeoutMs, signal, trace } = options;
    const request = { output, timeoutMs, signal, trace, started, now: this.#now };
    return { tokenized, ...(await submitTokenized(this.batcher, tokenized, request)) };
  }

  #encode(input: TextInput, options: TokenizeOptions & { readonly prompt: string; readonly index: number }) {
    const { prompt, index, truncate, truncationDirection = "right", inputField = "inputs" } = options;
    const truncation = {
      maxLength: this.maxLength,
      strategy: "longest_first",
      direction: truncationDirection,
    } as const;
    const encoded =
      typeof input === "string"
        ? this.tokenizer.encodeIds(this.textOf(input, prompt), { truncation })
        : this.#wrap(input, { index, truncation, inputField });
    if (encoded.truncated && !truncate) {
      throw new InvalidInputError(
        `input ${index}: expected at most ${this.maxLength} tokens, got more (shorten it, or set truncate to true)`,
        inputField,
      );
    }
    return encoded;
  }

  #wrap(ids: readonly number[], { index, truncation, inputField }: Wrap) {
    try {
      return this.tokenizer.wrapIds(ids, { truncation });
    } catch (error) {
      if (!(error instanceof TokenIdError)) throw error;
      throw new InvalidInputError(`input ${index}: ${error.message}`, inputField, { cause: error });
    }
  }

  #expectDimensions(dimensions: number | undefined): void {
    if (dimensions === undefined) return;
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > this.dimensions) {
      throw new InvalidInputError(
        `\`dimensions\`: expected 1 to ${this.dimensions}, the model's size, got ${dimensions}`,
        "dimensions",
      );
    }
  }
}

/** @throws InvalidInputError for token ids: a prompt is text, and becomes tokens together with the text behind it */
function expectTexts(inputs: readonly TextInput[]): void {
  const index = inputs.findIndex((input) => typeof input !== "string");
  if (index === -1) return;
  throw new InvalidInputError(
    `\`prompt_name\`: expected texts to put the prompt before, got token ids as input ${index} (give the text, or leave the prompt out)`,
    "prompt_name",
  );
}
