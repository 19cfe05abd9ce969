/**
 * @file A worker process: joins a gateway and serves it, session after session.
 *
 * A child of a gateway ends with it. A worker that was started by hand dials again, with growing pauses, until it is told to stop.
 */
import { PROTOCOL_VERSION, StageWorker, type SessionEnd } from "@stagecoach/parallel";
import {
  crc32,
  dialSocket,
  every,
  listenForSockets,
  now,
  unixNow,
  type Listener,
  type Tracing,
} from "@stagecoach/parallel/node";
import { hostname } from "node:os";
import { EngineHost } from "./engineHost.ts";
import { TrainingEngineHost } from "./trainingEngineHost.ts";

export type StageWorkerSettings = {
  /** The gateway's worker port, `ws://127.0.0.1:7001` or `wss://gateway:7001`. */
  readonly join: string;
  readonly token: string;
  /** Where lower stages dial this worker: it listens here, and tells the gateway the `advertise` name. */
  readonly listenHost: string;
  readonly listenPort: number;
  readonly advertise: string | null;
  /** The model's folder on this machine, if not the one that the gateway names. */
  readonly modelFolder: string | null;
  /** Whether requests are recorded, by a gateway that starts this worker. */
  readonly traces: boolean;
  /** Set by a gateway for the children that it starts. */
  readonly child: {
    readonly workerId: string;
    readonly seat: { readonly replica: number; readonly stage: number };
  } | null;
};

export type StageWorkerControls = {
  /** Aborted by SIGTERM or SIGINT: finish the micro-batch under way, then leave. */
  readonly signal: AbortSignal;
  /** There where micro-batches may be recorded; it is stopped with the worker. */
  readonly tracing?: Tracing | undefined;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
};

const CONTROL_MESSAGE_BYTES = 1 << 20;
const RETRY_PAUSE_MS = { shortest: 250, longest: 10_000 };

/**
 * @returns when the gateway has told it to stop, the signal was aborted, or (a child) the gateway has gone
 * @throws what the engine's thread has ended by, if it did unasked
 */
export async function runStageWorker(
  settings: StageWorkerSettings,
  { signal, log, tracing }: StageWorkerControls,
): Promise<void> {
  const broken = new AbortController();
  const host = new EngineHost(settings.modelFolder, (error) => broken.abort(error));
  const trainingHost = new TrainingEngineHost(settings.modelFolder, (error) => broken.abort(error));
  let worker: StageWorker | null = null;
  const listener = await listenForSockets({
    host: settings.listenHost,
    port: settings.listenPort,
    token: settings.token,
    paths: {
      "/data": {
        maxMessageBytes: () => worker!.maxFrameBytes,
        accept: (socket) => {
          worker?.acceptData(socket).catch((error: unknown) => {
            socket.terminate();
            log("data link refused", { reason: error instanceof Error ? error.message : String(error) });
          });
        },
      },
    },
  });
  const dial = (url: string, maxMessageBytes: number) => dialSocket(url, { token: settings.token, maxMessageBytes });
  worker = new StageWorker({
    host,
    trainingHost,
    identity: {
      workerId: settings.child?.workerId ?? "",
      seat: settings.child?.seat ?? null,
      host: hostname(),
      pid: process.pid,
      dataUrl: listener.urlOf("/data", settings.advertise ?? undefined),
    },
    dialData: (url, { maxMessageBytes }) => dial(url, maxMessageBytes),
    crc32,
    now,
    unixNow,
    every,
    residentBytes: () => process.memoryUsage.rss(),
    tracer: tracing?.tracer,
    log,
  });
  log("worker started", { join: settings.join, dataUrl: listener.urlOf("/data"), protocol: PROTOCOL_VERSION });
  await serveUntilStopped(worker, {
    settings,
    signal: AbortSignal.any([signal, broken.signal]),
    log,
    host,
    dial: () => dial(new URL("/control", settings.join).href, CONTROL_MESSAGE_BYTES),
  });
  await Promise.all([host.stop(), trainingHost.stop(), tracing?.stop()]);
  await closeListener(listener);
  broken.signal.throwIfAborted();
}

type Serving = StageWorkerControls & {
  readonly settings: StageWorkerSettings;
  readonly host: EngineHost;
  readonly dial: () => ReturnType<typeof dialSocket>;
};

async function serveUntilStopped(worker: StageWorker, { settings, signal, log, host, dial }: Serving): Promise<void> {
  let pauseMs = RETRY_PAUSE_MS.shortest;
  while (!signal.aborted) {
    let end: SessionEnd;
    try {
      const control = await dial();
      const leave = () => worker.leave();
      signal.addEventListener("abort", leave, { once: true });
      // It may have been aborted while the dial was under way: the session then ends as soon as it begins.
      if (signal.aborted) leave();
      pauseMs = RETRY_PAUSE_MS.shortest;
      end = await worker.serve(control);
      signal.removeEventListener("abort", leave);
    } catch (error) {
      end = { kind: "lost", reason: error instanceof Error ? error.message : String(error) };
    }
    if (end.kind === "stopped") return log("worker stopped");
    log("gateway lost", { reason: end.reason });
    if (settings.child !== null) return;
    // A worker whose engine is still at work for the last session has nothing to offer, and one that hangs never will.
    do await pause(pauseMs, signal);
    while (host.runningMs > 0 && !signal.aborted);
    pauseMs = Math.min(pauseMs * 2, RETRY_PAUSE_MS.longest);
  }
}

/** Shorter if the signal is aborted. */
function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, signal.aborted ? 0 : delayMs);
    signal.addEventListener("abort", end);
  });
}

function closeListener(listener: Listener): Promise<void> {
  return listener.close();
}
