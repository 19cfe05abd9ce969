/** @file Tracing of a worker process: its spans go to the collector from here, not through the gateway. */
import { startTracing, type Tracing } from "@stagecoach/parallel/node";
import type { StageWorkerControls } from "./runStageWorker.ts";

/**
 * @param worker.name - that a gateway has given it, or null
 * @returns undefined where the environment does not ask for it
 * @throws TracingError with what does not fit, or what to install
 */
export function workerTracing(
  env: Readonly<Record<string, string | undefined>>,
  { name, log }: Pick<StageWorkerControls, "log"> & { readonly name: string | null },
): Promise<Tracing | undefined> {
  return startTracing(env, {
    serviceName: "stagecoach-worker",
    attributes: name === null ? {} : { "stagecoach.worker": name },
    log,
  });
}
