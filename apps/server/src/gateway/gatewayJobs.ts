/** @file Fine-tuning in a gateway: jobs that start from the model it serves, and whose models it serves at once. */
import type { Logger } from "pino";
import type { ServeSettings } from "../config/settings.ts";
import type { Serving } from "../http/serving.ts";
import type { BaseModel } from "../jobs/jobRunner.ts";
import { LazyJobs } from "../jobs/lazyJobs.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { HostedModel, ModelHost } from "../models/modelHost.ts";
import { hasState } from "../store/hasState.ts";
import { forkTrainers } from "../training/forkTrainer.ts";

/** What jobs need of the gateway, there once it has resolved its own model and its stages are up. */
export type JobLinks = {
  /** The model of a name, if jobs can start from it. */
  findBase: (name: string) => BaseModel | null;
  host: ModelHost | null;
};

type JobsContext = {
  readonly settings: ServeSettings;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly links: JobLinks;
};

/** Opened, and its code loaded, when first asked for. */
export function lazyJobs({ settings, metrics, log, links }: JobsContext): LazyJobs {
  return new LazyJobs(async () => {
    const { openJobs } = await import("../jobs/openJobs.ts");
    const opened = await openJobs({
      dataDir: settings.dataDir,
      databaseUrl: settings.databaseUrl,
      maxFileBytes: settings.maxFileBytes,
      maxFilesBytes: settings.maxFilesBytes,
      checkpointRetention: settings.checkpointRetention,
      maxCheckpointsBytes: settings.maxCheckpointsBytes,
      runner: forkTrainers({
        engine: settings.engine,
        stages: settings.trainingStages,
        threads: settings.trainingThreads,
        niceness: settings.trainingNiceness,
        log,
      }),
      findBaseModel: async (name) => links.findBase(name),
      log,
      onEvent: (jobId, event) => metrics.observeJob(jobId, event),
      onStart: (jobId) => metrics.observeJobStart(jobId),
      onIdle: (jobId, end) => void metrics.observeJobEnd(jobId, end),
    });
    metrics.watchJobs(async () => ({ jobs: await opened.counts(), files: await opened.files.totals() }));
    opened.models.watch(({ kind, model }) => {
      if (kind === "removed") return links.host?.remove(model.id);
      // A job has succeeded whether or not its model can be loaded now.
      return void links.host?.find(model.id).then(
        () => log.info({ model: model.id }, "model served"),
        (error: unknown) => log.error({ model: model.id, err: error }, "the new model cannot be loaded"),
      );
    });
    opened.checkpointModels.watch((name) => links.host?.remove(name));
    return opened;
  });
}

/** A model that a job has made, or one of its checkpoints. @throws RefusedError for a checkpoint that is not there any more */
export async function fineTunedModel({ jobs }: Serving, name: string): Promise<HostedModel | null> {
  const found = await jobs?.opened?.findModel(name);
  return found == null ? null : { name: found.id, folder: found.folder, createdAt: found.createdAt };
}

/** Jobs that were under way when the last gateway ended go on. A server that never had any opens no database. */
export async function resumeJobs({ settings, jobs }: Serving): Promise<void> {
  if (hasState(settings)) await jobs?.open();
}
