/** @file What goes on in the pipelines: who is where and does what, and the last micro-batches. For the console, and whoever else watches. */
import { hostname } from "node:os";
import type { SeenStage } from "../../topology/topology.ts";
import { getRoute, queryRoute, type Route } from "../route.ts";
import type { Serving } from "../serving.ts";
import {
  timelineQuery,
  timelineSchema,
  topologySchema,
  type TimelineAnswer,
  type TopologyAnswer,
} from "../topologySchemas.ts";

const watched = { family: "native", isInference: false, needsKey: true } as const;

export function topologyRoutes(serving: Serving): Route[] {
  return [
    getRoute({
      ...watched,
      path: "/topology",
      summary: "The gateway, its pipelines and their stages as they are now, and what they did in the last seconds.",
      response: topologySchema,
      errors: [],
      handle: () => topology(serving),
    }),
    queryRoute({
      ...watched,
      path: "/timeline",
      summary: "The last micro-batches that came back: when each was queued and sent, and when each stage computed.",
      query: timelineQuery,
      response: timelineSchema,
      errors: ["invalid_input"],
      handle: ({ query }) => timeline(serving, query.seconds),
    }),
  ];
}

function topology(serving: Serving): TopologyAnswer {
  const { settings, metrics, phase, problem, version, topology: seen } = serving;
  const replicas = seen.fleet?.pipeline.replicas ?? [];
  const stages = seen.stages();
  const { requests, queue } = metrics.levels();
  const standby = (seen.fleet?.workers() ?? []).filter(({ place }) => place === null);
  return {
    now: Date.now(),
    gateway: {
      phase,
      problem,
      version,
      host: hostname(),
      pid: process.pid,
      started_at: performance.timeOrigin,
      resident_bytes: process.memoryUsage.rss(),
    },
    replicas: replicas.map(({ number, state, numInFlight }) => {
      const own = stages.filter(({ replica }) => replica === number);
      const told = { replica: number, state, micro_batches_in_flight: numInFlight };
      return { ...told, stages: own.map(stageOf), links: linksOf(own) };
    }),
    standby: standby.map(({ workerId, host, pid }) => ({ id: workerId, host, pid })),
    queue: { ...queue, max_tokens: settings.maxQueuedTokens },
    requests: { in_progress: requests, max: settings.maxConcurrentRequests },
    models: modelsOf(serving, stages),
    has_jobs: serving.jobs?.opened != null,
  };
}

function stageOf(seen: SeenStage): TopologyAnswer["replicas"][number]["stages"][number] {
  const { stage, state, layers, worker, facts, threads, residentBytes, restarts, lastLoss, work } = seen;
  return {
    stage,
    state,
    layers,
    worker: worker === null ? null : { id: worker.workerId, host: worker.host, pid: worker.pid },
    engine: facts?.engine ?? null,
    parameter_bytes: facts?.parameterBytes ?? null,
    load_seconds: facts?.loadSeconds ?? null,
    threads,
    resident_bytes: residentBytes,
    restarts,
    last_loss: lastLoss,
    work:
      work === null
        ? null
        : {
            busy: work.busy,
            sending: work.sending,
            waiting: work.waiting,
            micro_batches_per_second: work.microBatches,
            tokens_per_second: work.tokens,
            bytes_sent_per_second: work.bytesSent,
            bytes_received_per_second: work.bytesReceived,
          },
  };
}

/** What goes into stage 0 is what it receives; what goes on is what each stage sends. */
function linksOf(stages: readonly SeenStage[]): TopologyAnswer["replicas"][number]["links"] {
  const frames = (work: SeenStage["work"]) => work?.microBatches ?? null;
  const [first] = stages;
  if (first === undefined) return [];
  return [
    { from: null, to: 0, frames_per_second: frames(first.work), bytes_per_second: first.work?.bytesReceived ?? null },
    ...stages.map(({ stage, work }) => ({
      from: stage,
      to: stage === stages.length - 1 ? null : stage + 1,
      frames_per_second: frames(work),
      bytes_per_second: work?.bytesSent ?? null,
    })),
  ];
}

function modelsOf({ model, host }: Serving, stages: readonly SeenStage[]): TopologyAnswer["models"] {
  if (model === null) return [];
  const ofFirst = stages.filter(({ replica }) => replica === 0);
  const bytes = ofFirst.reduce((sum, { facts }) => sum + (facts?.parameterBytes ?? 0), 0);
  const own = { name: model.name, is_own: true, is_loaded: model.isUp(), parameter_bytes: bytes };
  const others = host?.loadedModels() ?? [];
  return [
    own,
    ...others.map(({ name, isLoaded, bytes: size }) => ({
      name,
      is_own: false,
      is_loaded: isLoaded,
      parameter_bytes: size,
    })),
  ];
}

function timeline({ topology: { microBatches: ring } }: Serving, seconds: number): TimelineAnswer {
  const now = Date.now();
  const { microBatches, isComplete } = ring.since(now - seconds * 1000);
  return {
    now,
    capacity: ring.capacity,
    is_complete: isComplete,
    micro_batches: microBatches.map(
      ({ number, model, replica, texts, tokens, queuedAt, sentAt, receivedAt, stages }) => ({
        number,
        model,
        replica,
        texts,
        tokens,
        queued_at: queuedAt,
        sent_at: sentAt,
        received_at: receivedAt,
        stages: stages.map(({ stage, startedAt, endedAt }) => ({ stage, started_at: startedAt, ended_at: endedAt })),
      }),
    ),
  };
}
