/** @file Micro-batches as frames, and frames as micro-batches. */
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import { FrameError } from "./errors.ts";
import { tensorNamed, type Frame, type FrameTensor } from "./frame.ts";
import type { StageOutput } from "./stage.ts";
import { parseTraceparent } from "./tracing/traceparent.ts";

export const servedOutputs = ["sentence", "tokens", "textScores", "tokenScores", "maskedScores"] as const;
/** What a micro-batch of a request is to give in the end: vectors, or a task's scores, of texts, of tokens or of masked tokens. */
export type ServedOutput = (typeof servedOutputs)[number];

/** Most masked tokens of a micro-batch: each gives a row as wide as the vocabulary, and a link's largest frame must hold them. */
export const MAX_MASKED_ROWS = 16;

/** Rows of a result: one for each text, each token, or each masked token. */
export function numResultRows(
  output: ServedOutput,
  counts: { readonly texts: number; readonly tokens: number; readonly masked: number },
): number {
  if (output === "maskedScores") return counts.masked;
  return output === "sentence" || output === "textScores" ? counts.texts : counts.tokens;
}

/** Goes with a micro-batch through all stages, as the last one reads it. */
const MASKED_ROWS = "masked_rows";

/** Time in the engine of one stage. */
export type StageTiming = { readonly stage: number; readonly busyMs: number };

/** The model that a gateway was started for; others have numbers from 1. */
export const BASE_MODEL = 0;

export type MicroBatchId = { readonly epoch: number; readonly microBatch: number; readonly attempt: number };

/** What a frame carries of a micro-batch that is recorded (tracing/tracer.ts). */
export type FrameTrace = {
  /** Of the gateway's span of the micro-batch: the same in all stages. */
  readonly traceparent: string;
  /** When it was handed to the link, in Unix milliseconds by the sender's clock; left out by a sender that records nothing. */
  readonly sentAt?: number;
};

/** A micro-batch on its way to stage 0. */
export function tokenFrame(
  { model = BASE_MODEL, trace, ...id }: MicroBatchId & { readonly model?: number; readonly trace?: FrameTrace },
  batch: TokenBatch,
  output: ServedOutput,
): Frame {
  const [T, B] = [batch.inputIds.length, batch.lengths.length];
  return {
    ...id,
    kind: "forward",
    run: 0,
    step: 0,
    meta: { output, timings: [], ...(model === BASE_MODEL ? {} : { model }), ...trace },
    tensors: [
      { name: "lengths", dtype: "int32", shape: [B], data: batch.lengths },
      { name: "input_ids", dtype: "int32", shape: [T], data: batch.inputIds },
      { name: "token_type_ids", dtype: "int32", shape: [T], data: batch.tokenTypeIds },
      ...maskedTensor(batch.maskedRows),
    ],
  };
}

function maskedTensor(rows: Int32Array | undefined): FrameTensor[] {
  return rows === undefined ? [] : [{ name: MASKED_ROWS, dtype: "int32", shape: [rows.length], data: rows }];
}

function maskedRowsOf(frame: Frame): { readonly maskedRows?: Int32Array } {
  if (!frame.tensors.some(({ name }) => name === MASKED_ROWS)) return {};
  return { maskedRows: (tensorNamed(frame, MASKED_ROWS, "int32").data as Int32Array).slice() };
}

/**
 * The batch in a frame. Lengths and masked rows are copied: the other arrays may be given away to the engine's thread.
 * @throws FrameError
 */
export function batchOf(frame: Frame, isFirst: boolean): TokenBatch | HiddenBatch {
  const own = { lengths: lengthsOf(frame), ...maskedRowsOf(frame) };
  if (!isFirst) return { ...own, hidden: tensorNamed(frame, "hidden", "float32").data as Float32Array };
  return {
    ...own,
    inputIds: tensorNamed(frame, "input_ids", "int32").data as Int32Array,
    tokenTypeIds: tensorNamed(frame, "token_type_ids", "int32").data as Int32Array,
  };
}

function lengthsOf(frame: Frame): Int32Array {
  return (tensorNamed(frame, "lengths", "int32").data as Int32Array).slice();
}

/** @throws FrameError */
export function outputOf(frame: Frame): ServedOutput {
  const { output } = frame.meta;
  const known = servedOutputs.find((each) => each === output);
  if (known === undefined)
    throw new FrameError(`frame: expected output ${servedOutputs.join(" or ")}, got ${JSON.stringify(output)}`);
  return known;
}

/** @throws FrameError */
export function modelOf({ meta }: Frame): number {
  const { model = BASE_MODEL } = meta;
  if (typeof model !== "number" || !Number.isSafeInteger(model) || model < 0)
    throw new FrameError(`frame: expected the number of a model, got ${JSON.stringify(model)}`);
  return model;
}

/** @returns undefined for a micro-batch that nobody records @throws FrameError */
export function traceOf({ meta }: Frame): FrameTrace | undefined {
  const { traceparent, sentAt } = meta;
  if (traceparent === undefined) return undefined;
  if (typeof traceparent !== "string" || parseTraceparent(traceparent) === null)
    throw new FrameError(`frame: expected a W3C traceparent, got ${JSON.stringify(traceparent)}`);
  if (sentAt === undefined) return { traceparent };
  if (typeof sentAt !== "number" || sentAt < 0)
    throw new FrameError(`frame: expected sentAt in Unix milliseconds, got ${JSON.stringify(sentAt)}`);
  return { traceparent, sentAt };
}

/**
 * What a stage made of `frame`, on its way to the next stage or back to the gateway.
 * @param place.batch - what `batchOf` has copied: the frame's own tensors may have been given away
 * @param place.sentAt - of a micro-batch that this stage records
 */
export function outputFrame(
  frame: Frame,
  output: StageOutput,
  place: {
    readonly stage: number;
    readonly isLast: boolean;
    readonly batch: Pick<TokenBatch, "lengths" | "maskedRows">;
    readonly sentAt?: number | undefined;
  },
): Frame {
  const { stage, isLast, batch, sentAt } = place;
  const { lengths, maskedRows } = batch;
  const { sentAt: _before, ...meta } = frame.meta;
  return {
    ...frame,
    kind: isLast ? "result" : "forward",
    meta: {
      ...meta,
      timings: [...timingsOf(frame), { stage, busyMs: output.busyMs }],
      ...(sentAt === undefined ? {} : { sentAt }),
    },
    tensors: [
      { name: "lengths", dtype: "int32", shape: [lengths.length], data: lengths },
      { name: isLast ? "output" : "hidden", dtype: "float32", shape: output.shape, data: output.data },
      ...(isLast ? [] : maskedTensor(maskedRows)),
    ],
  };
}

export function timingsOf(frame: Frame): StageTiming[] {
  const { timings } = frame.meta;
  if (!Array.isArray(timings)) throw new FrameError("frame: expected a list of timings");
  return timings.map((timing: unknown) => {
    const { stage, busyMs } = (timing ?? {}) as Partial<StageTiming>;
    if (typeof stage !== "number" || typeof busyMs !== "number")
      throw new FrameError("frame: a timing must have stage and busyMs");
    return { stage, busyMs };
  });
}
