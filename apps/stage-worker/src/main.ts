#!/usr/bin/env node
/** @file Entry of a worker process that a gateway starts: its settings come in one environment variable. */
import { workerLog } from "./log.ts";
import { runStageWorker, type StageWorkerSettings } from "./runStageWorker.ts";
import { workerTracing } from "./workerTracing.ts";

const { STAGECOACH_WORKER_SETTINGS: text } = process.env;
if (text === undefined) {
  process.stderr.write(
    "stage-worker: a gateway starts this program; to join one by hand, run: stagecoach worker --join URL\n",
  );
  process.exit(2);
}
// Grandchildren, and anybody who reads the environment later, need not see the token.
delete process.env["STAGECOACH_WORKER_SETTINGS"];

const stopping = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stopping.abort());
const settings = JSON.parse(text) as StageWorkerSettings;
const log = workerLog(process.stderr);
const name = settings.child?.workerId ?? null;
const tracing = settings.traces ? await workerTracing(process.env, { name, log }) : undefined;
await runStageWorker(settings, { signal: stopping.signal, log, tracing });
