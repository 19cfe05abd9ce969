/**
 * @file An encoder inside of a program, without a server: what the server does with a text, from TypeScript.
 *
 * @example
 * ```ts
 * import { loadEncoder } from "stagecoach";
 * await using encoder = await loadEncoder("sentence-transformers/all-MiniLM-L6-v2");
 * const [vector] = await encoder.encode(["hello"]);
 * ```
 */
import { Batcher, SingleStagePipeline, typicalRunCost } from "@stagecoach/parallel";
import { now, StageLanes } from "@stagecoach/parallel/node";
import type { Encoding } from "@stagecoach/tokenizer";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { resolveModel, jsonReader, type DownloadProgress } from "@stagecoach/transformer/node";
import { readEncoderModel } from "@stagecoach/transformer";
import type { EngineName } from "@stagecoach/engine/node";
import { availableParallelism } from "node:os";
import { Embedder, type TextInput } from "../embedding/embedder.ts";

export type LoadEncoderOptions = {
  /** Branch, tag or commit of a hub model; `main` when left out. */
  readonly revision?: string;
  /** What computes; `onnxruntime` when left out. */
  readonly engine?: EngineName;
  /** Threads of the engine; all cores when left out. The engine has a thread of its own: the calling thread stays free. */
  readonly threads?: number;
  /** Most tokens of a micro-batch. */
  readonly maxBatchTokens?: number;
  /**
   * Cut micro-batches by costs that are the same each time, instead of those that were measured when the model was loaded: the same texts
   * then give the same bytes on this machine, call after call and program after program. False when left out.
   */
  readonly reproducible?: boolean;
  /** Progress of a download. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Stops loading. */
  readonly signal?: AbortSignal;
};

export type EncodeOptions = {
  /** Unit length; when left out, as the model's own modules say. */
  readonly normalize?: boolean;
  /** Name of one of the model's prompts; null for none. When left out, the model's default prompt. */
  readonly promptName?: string | null;
  /** Keep this many values of each vector. */
  readonly dimensions?: number;
  /** Cut texts that are too long; true when left out. False makes them an error. */
  readonly truncate?: boolean;
  /** Called as texts are finished. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Ends the work that has not begun; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

export interface Encoder extends AsyncDisposable {
  /** Size of a vector. */
  readonly dimensions: number;
  /** Longest text in tokens, special tokens included. */
  readonly maxLength: number;
  /** Names of the model's prompts. */
  readonly promptNames: readonly string[];
  /**
   * One vector per text, as sentence-transformers gives it.
   * @param texts - texts, or token ids without special tokens; an empty text is a text
   * @throws InvalidInputError for options or inputs that do not fit; StageFailureError when the engine fails
   */
  encode(texts: readonly TextInput[], options?: EncodeOptions): Promise<Float32Array[]>;
  /** Tokens of a text with offsets in UTF-16 units, special tokens included. */
  tokenize(text: string): Encoding;
  /** Finish what was asked, then give the engine's memory back. */
  close(): Promise<void>;
}

/** Requests of a program have no deadline of their own: their signal ends them. */
const NO_DEADLINE_MS = 2 ** 31 - 1;
/** Texts of one request to the batcher: enough to sort by length, few enough to report progress. */
const CHUNK = 1024;

/**
 * Load a model into this program.
 *
 * @param model - a folder, or a hub id, which is downloaded into the Hugging Face cache when it is not there
 * @throws HubError when the model can be neither found nor downloaded; what opening it throws otherwise
 */
export async function loadEncoder(model: string, options: LoadEncoderOptions = {}): Promise<Encoder> {
  const {
    revision,
    engine = "onnxruntime",
    threads = availableParallelism(),
    maxBatchTokens = 512,
    reproducible = false,
    onProgress,
    signal,
  } = options;
  const { folder } = await resolveModel(model, { revision, onProgress, signal });
  const described = await readEncoderModel(jsonReader(folder));
  const lanes = new StageLanes({ engine, threads });
  try {
    const [tokenizer, { runCost }] = await Promise.all([
      loadTokenizer(folder, { lowerCase: described.modules.lowerCase }),
      lanes.load({ folder, engine, threads }),
    ]);
    signal?.throwIfAborted();
    const { numLanes } = lanes;
    const cost = reproducible ? typicalRunCost : runCost;
    const pipeline = new SingleStagePipeline((batch, output) => lanes.run(batch, output), { runCost: cost, numLanes });
    const batcher = new Batcher({ pipeline, maxBatchTokens, maxQueuedTokens: Infinity, now });
    return new LocalEncoder(new Embedder({ model: described, tokenizer, batcher, now }), lanes);
  } catch (error) {
    await lanes.stop();
    throw error;
  }
}

class LocalEncoder implements Encoder {
  readonly #embedder: Embedder;
  readonly #lanes: StageLanes;
  #closed: Promise<void> | null = null;

  constructor(embedder: Embedder, lanes: StageLanes) {
    this.#embedder = embedder;
    this.#lanes = lanes;
  }

  get dimensions(): number {
    return this.#embedder.dimensions;
  }

  get maxLength(): number {
    return this.#embedder.maxLength;
  }

  get promptNames(): readonly string[] {
    return Object.keys(this.#embedder.model.modules.prompts);
  }

  async encode(texts: readonly TextInput[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    if (this.#closed !== null) throw new Error("encode: this encoder is closed");
    const { promptName, dimensions, truncate = true, onProgress, signal } = options;
    const normalize = options.normalize ?? this.#embedder.model.modules.transforms.at(-1) === "normalize";
    const vectors: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += CHUNK) {
      const chunk = texts.slice(start, start + CHUNK);
      const embedded = await this.#embedder.embed(chunk, {
        normalize,
        promptName,
        dimensions,
        truncate,
        timeoutMs: NO_DEADLINE_MS,
        signal,
      });
      vectors.push(...embedded.vectors);
      onProgress?.({ done: vectors.length, total: texts.length });
    }
    return vectors;
  }

  tokenize(text: string): Encoding {
    return this.#embedder.tokenizer.encode(this.#embedder.textOf(text, ""));
  }

  close(): Promise<void> {
    this.#closed ??= this.#embedder.batcher.idle().then(() => this.#lanes.stop());
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
