/**
 * @file The gateway: HTTP in front, a fleet of stage workers behind, and the order in which they start and stop.
 *
 * HTTP listens first, so that probes get an answer while the model is still being resolved; workers are started before the
 * tokenizer is read, because both take time.
 */
import {
  Batcher,
  Fleet,
  frameBytesFor,
  MAX_ATTENTION_VALUES,
  MAX_MASKED_ROWS,
  modelCosts,
  numLanes,
  planStages,
  type MicroBatchReport,
  type Place,
  type ReplicaPlan,
} from "@stagecoach/parallel";
import { after, crc32, every, newId, now, unixNow, type Tracing } from "@stagecoach/parallel/node";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import type { EncoderModel } from "@stagecoach/transformer";
import {
  layoutFingerprint,
  openModelFolder,
  resolveModel,
  stagesFingerprint,
  type DownloadProgress,
  type ResolvedModel,
} from "@stagecoach/transformer/node";
import { basename } from "node:path";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { threadsPerStage, type ServeSettings } from "../config/settings.ts";
import { rememberServedModel } from "../data/servedModels.ts";
import { Embedder } from "../embedding/embedder.ts";
import { createApp } from "../http/app.ts";
import type { Serving } from "../http/serving.ts";
import { Metrics } from "../metrics/metrics.ts";
import { ModelHost } from "../models/modelHost.ts";
import { openScorer } from "../models/openScorer.ts";
import { Topology } from "../topology/topology.ts";
import { version } from "../version.ts";
import { fineTunedModel, lazyJobs, resumeJobs, type JobLinks } from "./gatewayJobs.ts";
import { fleetEvents } from "./fleetEvents.ts";
import { labelsOf } from "./labelsOf.ts";
import { listen } from "./listen.ts";
import { listenForWorkers } from "./listenForWorkers.ts";
import { Supervisor } from "./supervisor.ts";

export type Gateway = {
  readonly url: string;
  /** Where workers join. */
  readonly workerUrl: string;
  readonly model: {
    readonly name: string;
    readonly folder: string;
    readonly dimensions: number;
    readonly maxLength: number;
  };
  readonly stages: readonly { readonly stage: number; readonly start: number; readonly end: number }[];
  /** Processes of the workers that this gateway has started. */
  readonly workers: () => { readonly place: Place; readonly pid: number }[];
  /** Finish what was accepted, then end everything. */
  readonly stop: () => Promise<void>;
  /** Rejects when the server can't go on: its model can't be loaded. */
  readonly failed: Promise<never>;
};

export type GatewayControls = {
  readonly log: Logger;
  readonly onDownload?: (progress: DownloadProgress) => void;
  /** There where requests may be recorded; whoever has started it stops it. */
  readonly tracing?: Tracing | undefined;
  /** Ends a start that is under way: what has started is stopped, and the start rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

const HEARTBEAT_MS = 1000;
const LEASE_MS = 3000;
/**
 * Micro-batches that wait beside those that the lanes of a stage work on. Stages that pass work to each other need more: what slows
 * one of them for a while must not leave the other without work.
 */
const waitingCredits = (numStages: number): number => (numStages === 1 ? 1 : 3);

/** @returns once requests can be served @throws what resolving or loading the model throws, or when a port is taken */
export async function startGateway(settings: ServeSettings, controls: GatewayControls): Promise<Gateway> {
  const { log } = controls;
  const metrics = new Metrics({ version, numStages: settings.stages, numReplicas: settings.replicas });
  metrics.watchGateway(settings);
  const links: JobLinks = { findBase: () => null, host: null };
  const jobs = lazyJobs({ settings, metrics, log, links });
  const serving: Serving = {
    settings,
    version,
    metrics,
    tracer: controls.tracing?.tracer,
    phase: "resolving model",
    problem: null,
    topology: new Topology(unixNow),
    model: null,
    host: null,
    jobs,
  };
  const onUnreadable = (status: number) => metrics.countUnreadable(status);
  const server = await listen(createApp(serving, log), { ...settings, onUnreadable });
  try {
    return await startServing({ settings, serving, server, controls, links });
  } catch (error) {
    server.closeAllConnections();
    server.close();
    throw error;
  }
}

type Start = {
  readonly settings: ServeSettings;
  readonly serving: Serving;
  readonly server: Server;
  readonly controls: GatewayControls;
  readonly links: JobLinks;
};

async function startServing({ settings, serving, server, controls, links }: Start): Promise<Gateway> {
  const { log, onDownload, signal } = controls;
  const resolved = await resolveModel(settings.model, {
    revision: settings.revision,
    onProgress: onDownload,
    onWarning: (warning) => log.warn(warning),
    signal,
  });
  const opened = await openModelFolder(resolved.folder, { pooling: settings.pooling });
  await opened.close();
  const { model, task } = opened;
  if (!model.modules.isDeclared && settings.pooling === undefined) {
    log.warn(
      "the model's folder says nothing about pooling: using the mean, as sentence-transformers does (--pooling overrides it)",
    );
  }
  const name = settings.servedModelName ?? (resolved.source === "folder" ? basename(resolved.folder) : resolved.id);
  serving.metrics.prepareModel({
    model: name,
    engine: settings.engine,
    pooling: model.modules.pooling.join("+"),
    dtype: "float32",
  });
  serving.phase = "starting stages";

  const token = settings.joinToken ?? newId() + newId();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const stages = planStages(modelCosts(model), settings.stages);
  const fingerprint = await layoutFingerprint(resolved.folder);
  const ofStages = settings.externalWorkers > 0 ? await stagesFingerprint(resolved.folder) : undefined;
  signal?.throwIfAborted();
  const fleet: { current: Fleet | null } = { current: null };
  const frameBytes = maxFrameBytes(model, settings);
  const listener = await listenForWorkers({ settings, token, maxFrameBytes: frameBytes, fleet, log });
  const threads = threadsPerStage(settings);
  const plan: ReplicaPlan = {
    stages,
    model: {
      reference: resolved.source === "folder" ? resolved.folder : resolved.id,
      revision: resolved.revision,
      fingerprint,
      stagesFingerprint: ofStages,
      pooling: settings.pooling,
    },
    engine: settings.engine,
    threads,
    credits: numLanes(settings.engine, threads) + waitingCredits(stages.length),
    maxFrameBytes: frameBytes,
    gatewayDataUrl: listener.urlOf("/data", settings.advertiseHost),
  };
  const places = allPlaces(settings);
  const supervisor = new Supervisor({
    places: places.slice(0, Math.max(0, places.length - settings.externalWorkers)),
    settings: {
      join: listener.urlOf("/"),
      token,
      // Where workers join from elsewhere, they may become neighbours of any stage.
      listenHost: settings.workerHost,
      listenPort: 0,
      advertise: settings.advertiseHost ?? null,
      modelFolder: resolved.folder,
      traces: controls.tracing !== undefined,
    },
    log,
    onRestart: (place) => {
      serving.metrics.workerRestarts.inc(labelsOf(place));
      serving.topology.restarted(place);
    },
  });
  const up = Promise.withResolvers<void>();
  fleet.current = new Fleet({
    plan,
    numReplicas: settings.replicas,
    heartbeatMs: HEARTBEAT_MS,
    leaseMs: LEASE_MS,
    stuckMs: settings.stageTimeout * 1000,
    crc32,
    now,
    every,
    after,
    newId,
    events: fleetEvents({ serving, supervisor, log, onUp: up.resolve, onFailure: failure.reject }),
  });
  const { pipeline } = (serving.topology.fleet = fleet.current);
  supervisor.start();
  if (settings.externalWorkers > 0) {
    const join = listener.urlOf("", settings.advertiseHost);
    log.info({ join, externalWorkers: settings.externalWorkers }, "waiting for workers: stagecoach worker --join");
  }
  const stopWorkers = async () => {
    serving.phase = "stopping";
    fleet.current?.stop();
    // A child that joins from now on is sent away.
    fleet.current = null;
    await supervisor.stop(settings.shutdownTimeout * 1000);
    await listener.close();
  };
  try {
    const [tokenizer] = await Promise.all([
      loadTokenizer(resolved.folder, { lowerCase: model.modules.lowerCase }),
      rememberServedModel(settings.dataDir, servedFacts(name, resolved, model), { replace: settings.replaceModel }),
      Promise.race([up.promise, failure.promise, rejectionOf(signal)]),
    ]);
    const observe = (served: string, report: MicroBatchReport) => {
      serving.metrics.observeMicroBatch(served, report);
      serving.topology.microBatches.add(served, report);
    };
    const batcher = new Batcher({
      pipeline,
      maxBatchTokens: settings.maxBatchTokens,
      maxQueuedTokens: settings.maxQueuedTokens,
      now,
      onMicroBatch: (report) => observe(name, report),
    });
    serving.metrics.watchQueue(() => ({ texts: batcher.queuedTexts, tokens: batcher.queuedTokens }));
    serving.model = {
      name,
      id: resolved.id,
      revision: resolved.revision,
      createdAt: Math.floor(Date.now() / 1000),
      dtype: "float32",
      embedder: new Embedder({ model, tokenizer, batcher, now }),
      scorer: await openScorer(resolved.folder, { model, task, tokenizer, batcher, now }),
      isUp: () => pipeline.isUp,
    };
    const host = new ModelHost({
      pipeline,
      find: (wanted) => fineTunedModel(serving, wanted),
      budgetBytes: settings.modelMemory,
      timeoutMs: settings.requestTimeout * 1000,
      maxBatchTokens: settings.maxBatchTokens,
      maxQueuedTokens: settings.maxQueuedTokens,
      now,
      metrics: serving.metrics,
      onMicroBatch: observe,
    });
    serving.host = host;
    const { reference, revision } = plan.model;
    links.host = host;
    links.findBase = (wanted) => (wanted === name ? { reference, revision } : null);
    await resumeJobs(serving);
    serving.phase = "ready";
    return {
      url: urlOf(server, settings.host),
      workerUrl: listener.urlOf("/", settings.advertiseHost),
      model: {
        name,
        folder: resolved.folder,
        dimensions: model.modules.dimensions,
        maxLength: model.modules.maxLength,
      },
      stages: stages.map(({ start, end }, stage) => ({ stage, start, end })),
      workers: () => supervisor.pids(),
      stop: () => stopServing({ serving, server, batcher, stopWorkers }),
      failed: failure.promise,
    };
  } catch (error) {
    await stopWorkers();
    throw error;
  }
}

type Stop = {
  readonly serving: Serving;
  readonly server: Server;
  readonly batcher: Batcher;
  readonly stopWorkers: () => Promise<void>;
};

/** Take no new connections, finish what was accepted (requests have deadlines), then let the workers go. */
async function stopServing({ serving, server, batcher, stopWorkers }: Stop): Promise<void> {
  serving.phase = "stopping";
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), serving.settings.shutdownTimeout * 1000);
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  await serving.jobs?.close();
  await batcher.idle();
  await closed;
  clearTimeout(timer);
  clearInterval(sweep);
  await stopWorkers();
}

/** Rejects when the signal is aborted. */
function rejectionOf(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function servedFacts(name: string, resolved: ResolvedModel, { modules }: EncoderModel) {
  const { id, folder, revision } = resolved;
  return { name, id, folder, revision, dimensions: modules.dimensions, pooling: modules.pooling };
}

function allPlaces({ replicas, stages }: ServeSettings): Place[] {
  return Array.from({ length: replicas * stages }, (_, index) => ({
    replica: Math.floor(index / stages),
    stage: index % stages,
  }));
}

/** The largest message on a data link: hidden rows or token vectors of the largest micro-batch, scores of its masked tokens, or attention beside them. */
function maxFrameBytes({ config, modules }: EncoderModel, { maxBatchTokens }: ServeSettings): number {
  const tokens = Math.max(maxBatchTokens, modules.maxLength);
  const rows = tokens * (Math.max(config.hiddenSize, modules.dimensions) + 3);
  const attention = rows + MAX_ATTENTION_VALUES + 2 * config.numLayers * config.numHeads;
  return frameBytesFor(Math.max(attention, MAX_MASKED_ROWS * (config.vocabSize + 1)) * 4);
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `http://${shown.includes(":") ? `[${shown}]` : shown}:${port}`;
}
