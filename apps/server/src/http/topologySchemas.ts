/** @file What `/topology` and `/timeline` answer. Sizes in bytes, moments in Unix milliseconds, rates per second over the last heartbeats. */
import { z } from "zod";
import { stageStates } from "../topology/topology.ts";

const moment = z.number().meta({ description: "Unix milliseconds" });
const count = z.int().min(0);
const share = z.number().min(0).max(1);
const workerSchema = z.object({ id: z.string(), host: z.string(), pid: count }).meta({ id: "Worker" });

const workSchema = z
  .object({
    busy: share.meta({ description: "share of the time in which the engine computed" }),
    sending: share.meta({ description: "share in which results waited to be taken and nothing was computed" }),
    waiting: share.meta({ description: "share in which there was nothing to do; the three add up to 1" }),
    micro_batches_per_second: z.number(),
    tokens_per_second: z.number(),
    bytes_sent_per_second: z.number(),
    bytes_received_per_second: z.number(),
  })
  .meta({ id: "StageWork" });

const stageSchema = z
  .object({
    stage: count,
    state: z.enum(stageStates).meta({
      description:
        "up · waiting: loaded, and waits for other stages of its pipeline · starting: its worker is started, or loads · lost: its worker is gone",
    }),
    layers: z.object({ start: count, end: count }).meta({ description: "from `start` to before `end`" }),
    worker: workerSchema.nullable(),
    engine: z.string().nullable().meta({ description: "null until its layers are loaded, as the next two" }),
    parameter_bytes: count.nullable(),
    load_seconds: z.number().nullable(),
    threads: count,
    resident_bytes: count.nullable().meta({ description: "null before its worker's first heartbeat" }),
    restarts: count,
    last_loss: z.object({ at: moment, reason: z.string() }).nullable(),
    work: workSchema.nullable().meta({ description: "over the last heartbeats; null before the first" }),
  })
  .meta({ id: "StageOfTopology" });

const linkSchema = z
  .object({
    from: count.nullable().meta({ description: "stage, or null for the gateway" }),
    to: count.nullable().meta({ description: "stage, or null for the gateway" }),
    frames_per_second: z.number().nullable(),
    bytes_per_second: z
      .number()
      .nullable()
      .meta({ description: "credits that go back on the neighbouring link included; null before the first heartbeat" }),
  })
  .meta({ id: "LinkOfTopology" });

export const topologySchema = z
  .object({
    now: moment,
    gateway: z.object({
      phase: z.enum(["resolving model", "starting stages", "ready", "stopping"]),
      problem: z.string().nullable(),
      version: z.string(),
      host: z.string(),
      pid: count,
      started_at: moment,
      resident_bytes: count,
    }),
    replicas: z.array(
      z
        .object({
          replica: count,
          state: z.enum(["forming", "loading", "linking", "up"]),
          micro_batches_in_flight: count,
          stages: z.array(stageSchema),
          links: z.array(linkSchema).meta({ description: "in the order in which a micro-batch takes them" }),
        })
        .meta({ id: "ReplicaOfTopology" }),
    ),
    standby: z.array(workerSchema).meta({ description: "workers that have joined and have no place" }),
    queue: z.object({ texts: count, tokens: count, max_tokens: count }),
    requests: z.object({ in_progress: count, max: count }),
    models: z.array(
      z.object({
        name: z.string(),
        is_own: z.boolean().meta({ description: "the one that the server was started for" }),
        is_loaded: z.boolean(),
        parameter_bytes: count,
      }),
    ),
    has_jobs: z
      .boolean()
      .meta({ description: "whether files and jobs are open, as they are once anybody has asked for them" }),
  })
  .meta({ id: "Topology" });

export type TopologyAnswer = z.output<typeof topologySchema>;

export const timelineQuery = z.strictObject({
  seconds: z.coerce
    .number()
    .positive()
    .max(600)
    .default(10)
    .meta({ description: "how far to look back, by when results came" }),
});

export const timelineSchema = z
  .object({
    now: moment,
    capacity: count.meta({ description: "most micro-batches that are kept" }),
    is_complete: z.boolean().meta({ description: "whether none of these seconds is missing because of the capacity" }),
    micro_batches: z.array(
      z
        .object({
          number: count.meta({ description: "counts all that came back, from 1" }),
          model: z.string(),
          replica: count,
          texts: count,
          tokens: count,
          queued_at: moment.meta({ description: "of its text that has waited longest" }),
          sent_at: moment,
          received_at: moment,
          stages: z
            .array(z.object({ stage: count, started_at: moment, ended_at: moment }))
            .meta({ description: "when each engine computed, by the clock of its machine" }),
        })
        .meta({ id: "SeenMicroBatch" }),
    ),
  })
  .meta({ id: "Timeline" });

export type TimelineAnswer = z.output<typeof timelineSchema>;
