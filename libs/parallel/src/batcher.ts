/**
 * @file From requests to micro-batches: admission, a fair queue, and cutting by length.
 *
 * - Nothing waits while the pipeline is idle: a text leaves as soon as there is a free slot. Batches form from what has
 *   gathered while the pipeline was busy.
 * - Requests share the pipeline by tokens (start-time fair queueing, Goyal et al. 1996): a request of thousands of texts does
 *   not hold up one with a single text.
 * - From the texts that are next, micro-batches of similar length are cut (lengthGroups.ts); the one with the oldest text goes first.
 * - What a lost stage was working on is queued again. A text that goes down with several pipelines is a suspect: it runs alone,
 *   and never two at a time, so that it cannot take those with it that went down beside it before.
 * - Models on one pipeline have a batcher each; these take turns (turns.ts).
 *
 * **Invariant:** a request ends exactly once: with all its vectors, an error, or because its caller left.
 */
import type { TokenBatch } from "@stagecoach/transformer";
import { OverloadedError, StageFailureError, StageLostError, StageUnavailableError } from "./errors.ts";
import { cutByLength, typicalRunCost, type RunCost } from "./lengthGroups.ts";
import { MAX_MASKED_ROWS, numResultRows, type ServedOutput } from "./microBatchFrames.ts";
import type { MicroBatchResult, PipelinePort } from "./pipelinePort.ts";
import { MicroBatchSpans, type TracedShare } from "./tracing/microBatchSpans.ts";
import type { RequestTrace } from "./tracing/tracer.ts";

/** Ids of one text, special tokens included. */
export type TokenizedText = {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array;
  /** Places in the text for which `maskedScores` are wanted, at most MAX_MASKED_ROWS. */
  readonly maskedPlaces?: Int32Array;
  /** `[K, 2]`: layer and head of each matrix that `attention` is to give, by layer; together at most MAX_ATTENTION_VALUES values. */
  readonly attentionHeads?: Int32Array;
};

export type BatchRequest = {
  readonly texts: readonly TokenizedText[];
  readonly output: ServedOutput;
  /** From now; when it has passed, the request ends with StageUnavailableError. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Left out where nobody records it. */
  readonly trace?: RequestTrace | undefined;
};

export type BatchResponse = {
  /** Per text: its sentence vector `[E]`, its tokens' vectors `[tokens, D]`, scores of it, of its tokens or of its masked tokens, or matrices of attention. */
  readonly vectors: readonly Float32Array[];
  /** Means over the texts. */
  readonly queueMs: number;
  readonly inferenceMs: number;
};

/** What a micro-batch was, for metrics. */
export type MicroBatchReport = {
  readonly texts: number;
  readonly tokens: number;
  /** Tokens that attention saw, padding included. */
  readonly paddedTokens: number;
  readonly queueMs: readonly number[];
  readonly inferenceMs: number;
  readonly result: MicroBatchResult;
};

export type BatcherOptions = {
  readonly pipeline: PipelinePort;
  /** Most tokens of a micro-batch; a longer text is a micro-batch of its own. */
  readonly maxBatchTokens: number;
  /** Most tokens in the queue. A request that finds the queue empty is admitted whatever its size. */
  readonly maxQueuedTokens: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onMicroBatch?: (report: MicroBatchReport) => void;
};

/** Times that a text may go down with a pipeline before its request fails. */
const MAX_LOSSES = 4;
/** From this loss on, a text is a suspect. */
const SUSPECT_FROM_LOSS = 2;
/** Texts are cut from a window of this many full micro-batches: enough to find similar lengths, few enough to stay fair. */
const WINDOW_BATCHES = 4;
/** A micro-batch below this size costs more per token than it gains in overlap of stages. */
const MIN_SPLIT_TOKENS = 128;

type QueuedText = {
  readonly request: Active;
  readonly index: number;
  readonly length: number;
  readonly numMasked: number;
  readonly numHeads: number;
  /** Since when it is in the queue, this time. */
  waitsSince: number;
  /** How often it was with a pipeline before. */
  attempts: number;
  /** How often it went down with one. */
  losses: number;
  /** It shares no micro-batch: another failed with it, it is a suspect, or attention is wanted of it. */
  isAlone: boolean;
  isSuspect: boolean;
};

type Active = {
  readonly given: BatchRequest;
  readonly queuedAt: number;
  readonly vectors: (Float32Array | undefined)[];
  /** Texts that wait, those of similar length together. */
  waiting: QueuedText[];
  unfinished: number;
  /** Position in the fair order: tokens served, counted from where the queue stood on arrival. */
  virtualTime: number;
  queueMs: number;
  inferenceMs: number;
  readonly finish: (outcome: BatchResponse | Error) => void;
};

export class Batcher {
  readonly #options: BatcherOptions;
  readonly #active = new Set<Active>();
  #queuedTokens = 0;
  #queuedTexts = 0;
  #virtualNow = 0;
  /** A suspect is with the pipeline. */
  #isSuspectOut = false;
  #idleListeners: (() => void)[] = [];
  readonly #leave: () => void;

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#leave = options.pipeline.onFree(() => this.#sendOne());
  }

  get queuedTexts(): number {
    return this.#queuedTexts;
  }

  get queuedTokens(): number {
    return this.#queuedTokens;
  }

  /**
   * Run all texts of a request.
   *
   * @throws OverloadedError before any work is done, when the queue is full
   * @throws StageUnavailableError when the deadline passes, with the number of the stage that is missing
   * @throws StageFailureError when a stage's engine fails on one of the texts
   * @throws the signal's reason when it is aborted
   */
  async submit(request: BatchRequest): Promise<BatchResponse> {
    const tokens = request.texts.reduce((total, { ids }) => total + ids.length, 0);
    this.#admit(tokens);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => active.finish(this.#deadlineError(request.timeoutMs)), request.timeoutMs);
      const onAbort = () =>
        active.finish(request.signal?.reason instanceof Error ? request.signal.reason : new Error("aborted"));
      const active: Active = {
        given: request,
        queuedAt: this.#options.now(),
        vectors: request.texts.map(() => undefined),
        waiting: [],
        unfinished: request.texts.length,
        virtualTime: this.#virtualNow,
        queueMs: 0,
        inferenceMs: 0,
        finish: (outcome) => {
          if (!this.#active.delete(active)) return;
          clearTimeout(timer);
          request.signal?.removeEventListener("abort", onAbort);
          this.#forget(active.waiting);
          active.waiting = [];
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome);
          if (this.#active.size === 0) for (const listener of this.#idleListeners.splice(0)) listener();
        },
      };
      const texts = request.texts.map(({ ids, maskedPlaces, attentionHeads }, index) => ({
        request: active,
        index,
        length: ids.length,
        numMasked: maskedPlaces?.length ?? 0,
        numHeads: (attentionHeads?.length ?? 0) / 2,
        waitsSince: active.queuedAt,
        attempts: 0,
        losses: 0,
        isAlone: attentionHeads !== undefined,
        isSuspect: false,
      }));
      this.#active.add(active);
      this.#enqueue(texts.toSorted((a, b) => b.length - a.length));
      request.signal?.addEventListener("abort", onAbort, { once: true });
      if (request.signal?.aborted === true) onAbort();
      else if (request.texts.length === 0) active.finish({ vectors: [], queueMs: 0, inferenceMs: 0 });
      else this.#dispatch();
    });
  }

  /** Resolves when no request is left. */
  idle(): Promise<void> {
    return this.#active.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  /** Leave the pipeline, once no request is left. */
  close(): void {
    this.#leave();
  }

  #admit(tokens: number): void {
    const { maxQueuedTokens, pipeline } = this.#options;
    if (this.#queuedTokens === 0 || this.#queuedTokens + tokens <= maxQueuedTokens) return;
    const seconds = this.#queuedTokens * (pipeline.runCost ?? typicalRunCost).token;
    throw new OverloadedError(
      `the queue holds ${this.#queuedTokens} tokens of at most ${maxQueuedTokens}; ${tokens} more do not fit`,
      Math.min(60, Math.max(1, Math.ceil(seconds))),
    );
  }

  #deadlineError(timeoutMs: number): Error {
    const stage = this.#options.pipeline.missingStage;
    const reason =
      stage === null ? "the pipeline had more to do than it could in this time" : "it was not back in time";
    return new StageUnavailableError(stage, `${reason}; the request's deadline of ${timeoutMs / 1000} s has passed`);
  }

  #enqueue(texts: readonly QueuedText[]): void {
    for (const text of texts) {
      text.request.waiting.push(text);
      this.#queuedTexts++;
      this.#queuedTokens += text.length;
    }
  }

  #forget(texts: readonly QueuedText[]): void {
    this.#queuedTexts -= texts.length;
    this.#queuedTokens -= texts.reduce((total, { length }) => total + length, 0);
  }

  // --- choosing ------------------------------------------------------------------------------------------------------

  /** Fill what is free. Other batchers of the pipeline have had their turns: what is free now, they have nothing for. */
  #dispatch(): void {
    while (this.#sendOne());
  }

  #sendOne(): boolean {
    if (this.#options.pipeline.freeSlots <= 0) return false;
    const group = this.#nextGroup();
    if (group.length === 0) return false;
    this.#send(group);
    return true;
  }

  /** The micro-batch to send next: texts of one output kind, similar in length, the fairest choice among them. */
  #nextGroup(): QueuedText[] {
    const window = this.#window().filter(({ isSuspect }) => !isSuspect || !this.#isSuspectOut);
    const [first] = window;
    if (first === undefined) return [];
    if (first.isAlone) return [first];
    const peers = withinMaskedRows(
      window.filter(({ request, isAlone }) => !isAlone && request.given.output === first.request.given.output),
    );
    const groups = cutByLength(
      peers.map(({ length }) => length),
      this.#runCost,
      this.#targetTokens(),
    );
    const chosen = groups.find((indices) => indices.includes(0)) ?? [];
    return chosen.map((index) => peers[index]!);
  }

  get #runCost(): RunCost {
    return this.#options.pipeline.runCost ?? typicalRunCost;
  }

  /** With several stages or lanes, little work is cut finer, so that each has its part of it at the same time. */
  #targetTokens(): number {
    const { pipeline, maxBatchTokens } = this.#options;
    const places = pipeline.numStages * pipeline.numLanes;
    if (places === 1) return maxBatchTokens;
    const share = Math.ceil(this.#queuedTokens / (2 * places));
    return Math.min(maxBatchTokens, Math.max(MIN_SPLIT_TOKENS, share));
  }

  /** The texts that are next in the fair order, as many as a few micro-batches hold. */
  #window(): QueuedText[] {
    const budget = this.#options.maxBatchTokens * WINDOW_BATCHES;
    const candidates = [...this.#active]
      .filter(({ waiting }) => waiting.length > 0)
      .map((request) => ({ request, next: 0, time: request.virtualTime }));
    const window: QueuedText[] = [];
    let tokens = 0;
    while (tokens < budget) {
      let first: (typeof candidates)[number] | undefined;
      for (const each of candidates) {
        if (each.next < each.request.waiting.length && (first === undefined || each.time < first.time)) first = each;
      }
      if (first === undefined) break;
      const text = first.request.waiting[first.next]!;
      first.next++;
      first.time += text.length;
      tokens += text.length;
      window.push(text);
    }
    return window;
  }

  // --- sending and receiving -----------------------------------------------------------------------------------------

  #send(group: readonly QueuedText[]): void {
    const taken = new Set(group);
    const requests = new Set(group.map(({ request }) => request));
    this.#virtualNow = Math.max(this.#virtualNow, Math.min(...[...requests].map(({ virtualTime }) => virtualTime)));
    for (const request of requests) request.waiting = request.waiting.filter((text) => !taken.has(text));
    for (const { request, length } of group) request.virtualTime += length;
    this.#forget(group);
    void this.#run(group);
  }

  async #run(group: readonly QueuedText[]): Promise<void> {
    const { pipeline, now, onMicroBatch } = this.#options;
    const sentAt = now();
    const queueMs = group.map(({ request }) => sentAt - request.queuedAt);
    const attempt = Math.max(...group.map(({ attempts }) => attempts));
    const isSuspect = group[0]!.isSuspect;
    if (isSuspect) this.#isSuspectOut = true;
    const spans = traceMicroBatch(group, sentAt, attempt);
    try {
      const batch = packTexts(group);
      const trace = spans?.frameTrace(now());
      const result = await pipeline.submit(batch, group[0]!.request.given.output, { attempt, trace });
      const inferenceMs = now() - sentAt;
      spans?.received(result, sentAt + inferenceMs);
      const lengths = group.map(({ length }) => length);
      onMicroBatch?.({
        texts: group.length,
        tokens: lengths.reduce((a, b) => a + b, 0),
        paddedTokens: group.length * Math.max(...lengths),
        queueMs,
        inferenceMs,
        result,
      });
      this.#deliver(group, result, { queueMs, inferenceMs });
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      spans?.failed(failure, now());
      this.#retryOrFail(group, failure);
    }
    if (isSuspect) this.#isSuspectOut = false;
    this.#dispatch();
  }

  #deliver(
    group: readonly QueuedText[],
    result: MicroBatchResult,
    times: { readonly queueMs: readonly number[]; readonly inferenceMs: number },
  ): void {
    const width = result.shape[1] ?? 0;
    let row = 0;
    group.forEach(({ request, index, length, numMasked, numHeads }, position) => {
      const counts = { texts: 1, tokens: length, masked: numMasked, heads: numHeads };
      const rows = numResultRows(request.given.output, counts);
      request.vectors[index] = result.data.subarray(row * width, (row + rows) * width);
      row += rows;
      request.queueMs += times.queueMs[position]!;
      request.inferenceMs += times.inferenceMs;
      request.unfinished--;
      if (request.unfinished === 0) {
        const count = request.vectors.length;
        const vectors = request.vectors.filter((vector) => vector !== undefined);
        request.finish({ vectors, queueMs: request.queueMs / count, inferenceMs: request.inferenceMs / count });
      }
    });
  }

  #retryOrFail(group: readonly QueuedText[], error: Error): void {
    const isLost = error instanceof StageLostError;
    const canSplit = error instanceof StageFailureError && group.length > 1;
    for (const text of group) {
      if (!this.#active.has(text.request)) continue;
      text.attempts++;
      if (isLost) text.losses++;
      if (isLost && text.losses >= MAX_LOSSES) {
        text.request.finish(
          new StageUnavailableError(error.stage, `it was lost ${text.losses} times while working on this request`, {
            cause: error,
          }),
        );
      } else if (isLost || canSplit) {
        text.isSuspect = text.losses >= SUSPECT_FROM_LOSS;
        text.isAlone ||= canSplit || text.isSuspect;
        text.waitsSince = this.#options.now();
        text.request.waiting.unshift(text);
        this.#queuedTexts++;
        this.#queuedTokens += text.length;
        text.request.virtualTime -= text.length;
      } else {
        text.request.finish(error);
      }
    }
  }
}

/** @returns undefined where none of the requests in it is recorded */
function traceMicroBatch(group: readonly QueuedText[], sentMs: number, attempt: number): MicroBatchSpans | undefined {
  if (group.every(({ request }) => request.given.trace === undefined)) return undefined;
  const byRequest = Map.groupBy(group, ({ request }) => request);
  const shares = [...byRequest].flatMap(([{ given }, texts]): TracedShare[] => {
    if (given.trace === undefined) return [];
    const waitsSince = Math.min(...texts.map((text) => text.waitsSince));
    return [{ trace: given.trace, numTexts: texts.length, waitsSince }];
  });
  return new MicroBatchSpans(shares as [TracedShare, ...TracedShare[]], {
    sentMs,
    attempt,
    texts: group.length,
    tokens: group.reduce((total, { length }) => total + length, 0),
    requests: byRequest.size,
  });
}

function packTexts(group: readonly QueuedText[]): TokenBatch {
  const lengths = Int32Array.from(group, ({ length }) => length);
  const numTokens = lengths.reduce((a, b) => a + b, 0);
  const inputIds = new Int32Array(numTokens);
  const tokenTypeIds = new Int32Array(numTokens);
  const maskedRows: number[] = [];
  let row = 0;
  for (const { request, index } of group) {
    const { ids, typeIds, maskedPlaces = [] } = request.given.texts[index]!;
    inputIds.set(ids, row);
    tokenTypeIds.set(typeIds, row);
    for (const place of maskedPlaces) maskedRows.push(row + place);
    row += ids.length;
  }
  const { attentionHeads } = group[0]!.request.given.texts[group[0]!.index]!;
  return {
    lengths,
    inputIds,
    tokenTypeIds,
    ...(attentionHeads === undefined ? {} : { attentionHeads }),
    ...(maskedRows.length === 0 ? {} : { maskedRows: Int32Array.from(maskedRows) }),
  };
}

/** The first texts whose masked tokens fit one micro-batch; the first of all whatever it has. */
function withinMaskedRows(texts: readonly QueuedText[]): readonly QueuedText[] {
  let masked = 0;
  return texts.filter(({ numMasked }, index) => (masked += numMasked) <= MAX_MASKED_ROWS || index === 0);
}
