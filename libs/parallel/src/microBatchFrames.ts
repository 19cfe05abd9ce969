/** @file Micro-batches as frames, and frames as micro-batches. */
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import { FrameError } from "./errors.ts";
import { tensorNamed, type Frame, type FrameTensor } from "./frame.ts";
import type { StageOutput, TimedOutput } from "./stage.ts";
import { parseTraceparent } from "./tracing/traceparent.ts";

export const servedOutputs = ["sentence", "tokens", "textScores", "tokenScores", "maskedScores", "attention"] as const;
/** What a micro-batch of a request is to give in the end: vectors, a task's scores (of texts, tokens or masked tokens), or how heads attend. */
export type ServedOutput = (typeof servedOutputs)[number];

/** Most masked tokens of a micro-batch: each gives a row as wide as the vocabulary, and a link's largest frame must hold them. */
export const MAX_MASKED_ROWS = 16;

/** Most probabilities of a micro-batch: 4 MiB, so that heads of long texts take several micro-batches and a link's frames stay small. */
export const MAX_ATTENTION_VALUES = 2 ** 20;

/** Rows of a result: one for each text, each token, each masked token, or each head. */
export function numResultRows(
  output: ServedOutput,
  counts: { readonly texts: number; readonly tokens: number; readonly masked: number; readonly heads: number },
): number {
  if (output === "maskedScores") return counts.masked;
  if (output === "attention") return counts.heads;
  return output === "sentence" || output === "textScores" ? counts.texts : counts.tokens;
}

/** Go with a micro-batch through all stages. */
const MASKED_ROWS = "masked_rows";
const ATTENTION_HEADS = "attention_heads";
/** What the stages before have found of `attention_heads`. */
const ATTENTION = "attention";

/** When the engine of one stage began (Unix milliseconds with fractions, by the clock of its machine), and its time. */
export type StageTiming = { readonly stage: number; readonly startedAt: number; readonly busyMs: number };

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
      ...wishTensors(batch),
    ],
  };
}

/** What a batch wants besides its rows. */
type Wishes = Pick<TokenBatch, "maskedRows" | "attentionHeads">;

function wishTensors({ maskedRows: rows, attentionHeads: heads }: Wishes): FrameTensor[] {
  return [
    ...(rows === undefined ? [] : [{ name: MASKED_ROWS, dtype: "int32", shape: [rows.length], data: rows } as const]),
    ...(heads === undefined
      ? []
      : [{ name: ATTENTION_HEADS, dtype: "int32", shape: [heads.length / 2, 2], data: heads } as const]),
  ];
}

function wishesOf(frame: Frame): Wishes {
  const copyOf = (name: string) => (tensorNamed(frame, name, "int32").data as Int32Array).slice();
  return {
    ...(hasTensor(frame, MASKED_ROWS) ? { maskedRows: copyOf(MASKED_ROWS) } : {}),
    ...(hasTensor(frame, ATTENTION_HEADS) ? { attentionHeads: copyOf(ATTENTION_HEADS) } : {}),
  };
}

const hasTensor = ({ tensors }: Frame, wanted: string) => tensors.some(({ name }) => name === wanted);

/**
 * The batch in a frame. Its small arrays are copied: the others may be given away to the engine's thread.
 * @throws FrameError
 */
export function batchOf(frame: Frame, isFirst: boolean): TokenBatch | HiddenBatch {
  const own = { lengths: lengthsOf(frame), ...wishesOf(frame) };
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

/** A copy of what the stages before have found of the heads that are wanted, a row for each; empty where there is none. @throws FrameError */
export function attentionOf(frame: Frame): Float32Array {
  return hasTensor(frame, ATTENTION)
    ? (tensorNamed(frame, ATTENTION, "float32").data as Float32Array).slice()
    : new Float32Array();
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
 * @param place.attention - what `attentionOf` has copied
 * @param place.sentAt - of a micro-batch that this stage records
 */
export function outputFrame(
  frame: Frame,
  output: TimedOutput,
  place: {
    readonly stage: number;
    readonly isLast: boolean;
    readonly batch: Wishes & Pick<TokenBatch, "lengths">;
    readonly attention?: Float32Array | undefined;
    readonly sentAt?: number | undefined;
  },
): Frame {
  const { stage, isLast, batch, attention, sentAt } = place;
  const { lengths } = batch;
  const { startedAt, busyMs } = output;
  const { sentAt: _before, ...meta } = frame.meta;
  const rows = attention === undefined ? output : withRowsBefore(attention, output);
  const hidden = output.hidden ?? output;
  const tensors: FrameTensor[] = isLast
    ? [float32Tensor("output", rows)]
    : [
        float32Tensor("hidden", hidden),
        ...wishTensors(batch),
        ...(attention === undefined ? [] : [float32Tensor(ATTENTION, rows)]),
      ];
  return {
    ...frame,
    kind: isLast ? "result" : "forward",
    meta: {
      ...meta,
      timings: [...timingsOf(frame), { stage, startedAt, busyMs }],
      ...(sentAt === undefined ? {} : { sentAt }),
    },
    tensors: [{ name: "lengths", dtype: "int32", shape: [lengths.length], data: lengths }, ...tensors],
  };
}

type Rows = Pick<StageOutput, "shape" | "data">;

const float32Tensor = (name: string, { shape, data }: Rows): FrameTensor => ({ name, dtype: "float32", shape, data });

/** Heads are wanted by layer, so those of the stages before come first. */
function withRowsBefore(before: Float32Array, { shape, data }: Rows): Rows {
  const width = shape[1]!;
  const all = new Float32Array(before.length + data.length);
  all.set(before);
  all.set(data, before.length);
  return { shape: [all.length / width, width], data: all };
}

export function timingsOf(frame: Frame): StageTiming[] {
  const { timings } = frame.meta;
  if (!Array.isArray(timings)) throw new FrameError("frame: expected a list of timings");
  return timings.map((timing: unknown) => {
    const { stage, startedAt, busyMs } = (timing ?? {}) as Partial<StageTiming>;
    if (typeof stage !== "number" || typeof startedAt !== "number" || typeof busyMs !== "number")
      throw new FrameError("frame: a timing must have stage, startedAt and busyMs");
    return { stage, startedAt, busyMs };
  });
}
