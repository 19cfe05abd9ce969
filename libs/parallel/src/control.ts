/**
 * @file What gateway and workers say to each other on the control connection: JSON, one message each, validated on arrival.
 *
 * Control has a connection of its own, so that bulk data never delays a heartbeat. docs/PROTOCOL.md shows the states.
 */
import { poolingModes } from "@stagecoach/transformer";
import { z } from "zod";
import { ProtocolError } from "./errors.ts";
import { PROTOCOL_VERSION } from "./frame.ts";
import { trainingFromGateway, trainingFromWorker, trainingSettings } from "./training/trainingMessages.ts";

const count = z.int().min(0);
const place = { replica: count, stage: count };
const range = z.strictObject({ start: count, end: count });
const runCost = z.strictObject({ fixed: z.number(), token: z.number(), padded: z.number(), attention: z.number() });

const model = z.strictObject({
  reference: z.string(),
  revision: z.string().nullable(),
  /** Of configurations and checkpoint headers. */
  fingerprint: z.string(),
  /** Of every byte of the weights as well, where workers may have files of their own. */
  stagesFingerprint: z.string().optional(),
  /** Takes the place of the pooling that the model's folder declares. */
  pooling: z.enum(poolingModes).optional(),
});
/** A model besides the one that a gateway was started for; its number stands in frames. */
const furtherModel = { number: z.int().min(1), model, layers: range };

/** Cumulative since the worker joined; the gateway turns them into metrics. */
const counters = z.strictObject({
  microBatches: count,
  tokens: count,
  busySeconds: z.number(),
  waitingSeconds: z.number(),
  sendingSeconds: z.number(),
  bytesSent: count,
  bytesReceived: count,
  residentBytes: count,
});

/** docs/PROTOCOL.md lists kinds and fields. */
export const fromWorker = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("hello"),
    protocol: z.int(),
    /** Given by a gateway to the child processes that it starts; empty for workers that join by themselves. */
    workerId: z.string().max(64),
    /** The place that a gateway started this child for. */
    seat: z.strictObject(place).nullable(),
    host: z.string().max(255),
    pid: count,
    /** Where a lower stage can dial this worker. */
    dataUrl: z.string().max(1024),
  }),
  z.strictObject({
    kind: z.literal("ready"),
    epoch: count,
    engine: z.string(),
    loadSeconds: z.number(),
    parameterBytes: count,
    runCost,
  }),
  z.strictObject({ kind: z.literal("linked"), epoch: count }),
  z.strictObject({ kind: z.literal("heartbeat"), runningMs: z.number(), counters }),
  /** This stage could not do a micro-batch; it goes no further. */
  z.strictObject({
    kind: z.literal("microBatchFailed"),
    epoch: count,
    microBatch: count,
    code: z.string(),
    message: z.string(),
  }),
  /** A link to a neighbour broke, or could not be made. */
  z.strictObject({ kind: z.literal("linkLost"), epoch: count, reason: z.string() }),
  /** The assignment cannot be carried out: the model is not there, does not fit, or the engine does not load. */
  z.strictObject({ kind: z.literal("refused"), epoch: count, code: z.string(), message: z.string() }),
  z.strictObject({ kind: z.literal("modelReady"), epoch: count, number: count }),
  z.strictObject({
    kind: z.literal("modelRefused"),
    epoch: count,
    number: count,
    code: z.string(),
    message: z.string(),
  }),
  ...trainingFromWorker,
]);

export const fromGateway = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("welcome"), leaseId: z.string(), heartbeatMs: count, leaseMs: count }),
  z.strictObject({
    kind: z.literal("assign"),
    ...place,
    epoch: count,
    numStages: count,
    layers: range,
    model,
    /** Models that are served besides. */
    furtherModels: z.array(z.strictObject(furtherModel)).optional(),
    engine: z.string(),
    threads: count,
    credits: count,
    maxFrameBytes: count,
    /** Train these layers instead of serving them. */
    training: trainingSettings.optional(),
    /** The first and the last stage hold one weight in common, and exchange its gradient. */
    sharesWeight: z.boolean().optional(),
  }),
  /**
   * Every stage of the epoch is ready: make the links. A stage whose neighbour dials it has no `inputUrl`; in training a stage
   * before the last dials the next one a second time, for gradients.
   */
  z.strictObject({
    kind: z.literal("connect"),
    epoch: count,
    inputUrl: z.string().nullable(),
    outputUrl: z.string(),
    gradientUrl: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal("heartbeat") }),
  z.strictObject({ kind: z.literal("loadModel"), epoch: count, ...furtherModel }),
  z.strictObject({ kind: z.literal("unloadModel"), epoch: count, number: z.int().min(1) }),
  /** Finish what is running, give the engine back, and exit. */
  z.strictObject({ kind: z.literal("stop") }),
  ...trainingFromGateway,
]);

export type WorkerMessage = z.infer<typeof fromWorker>;
export type GatewayMessage = z.infer<typeof fromGateway>;
export type WorkerMessageOf<K extends WorkerMessage["kind"]> = Extract<WorkerMessage, { kind: K }>;
export type GatewayMessageOf<K extends GatewayMessage["kind"]> = Extract<GatewayMessage, { kind: K }>;
export type WorkerCounters = z.infer<typeof counters>;
export type Assignment = GatewayMessageOf<"assign">;
export type FurtherModel = NonNullable<Assignment["furtherModels"]>[number];

/** What every version's hello has: the number is looked at before anything that a version may have changed. */
const anyHello = z.looseObject({ kind: z.literal("hello"), protocol: z.int() });

/** @throws ProtocolError for text that is no message of a worker, or one of another protocol version */
export function readWorkerMessage(text: string | Uint8Array): WorkerMessage {
  const json = parse(text);
  const hello = anyHello.safeParse(json);
  if (hello.success && hello.data.protocol !== PROTOCOL_VERSION) {
    throw new ProtocolError(
      `control: expected protocol version ${PROTOCOL_VERSION}, got ${hello.data.protocol} (run the same release on both ends)`,
    );
  }
  return read(fromWorker, json);
}

/** @throws ProtocolError */
export function readGatewayMessage(text: string | Uint8Array): GatewayMessage {
  return read(fromGateway, parse(text));
}

function parse(text: string | Uint8Array): unknown {
  if (typeof text !== "string") throw new ProtocolError("control: expected text, got a binary message");
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ProtocolError("control: a message is not JSON", { cause });
  }
}

function read<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new ProtocolError(`control: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
