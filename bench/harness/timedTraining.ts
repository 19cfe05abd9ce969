/** @file A training as `stagecoach train` runs it, its stage a worker process, and the time of its steps. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { workerPipelines } from "../../apps/server/src/training/openTrainingPipeline.ts";
import { runTrainingJob, type JobEvent } from "../../apps/server/src/training/runJob.ts";
import type { TrainingSettings } from "../../apps/server/src/training/trainingSettings.ts";

/** More steps than any run has: evaluations and checkpoints come at the end alone. */
export const NEVER = 1_000_000;

export type TimedTraining = { readonly tokens: number; readonly seconds: number };

/**
 * As for the peers, the time is that of the steps: reading the data, compiling, checkpoints and the evaluation at the end are not in it.
 *
 * @param use.onEvent - hears everything
 * @param use.onModel - is given the model's folder, which is removed after that
 */
export async function timedTraining(
  settings: TrainingSettings,
  use: { readonly onEvent?: (event: JobEvent) => void; readonly onModel?: (folder: string) => void },
): Promise<TimedTraining> {
  const folder = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
  let [begun, ended, tokens] = [0, 0, 0];
  const onEvent = (event: JobEvent) => {
    // The checkpoint of step 0 comes last before the first step.
    if (event.type === "checkpoint" && event.step === 0) begun = performance.now();
    if (event.type === "step") [ended, tokens] = [performance.now(), event.trainedTokens];
    use.onEvent?.(event);
  };
  try {
    const openPipeline = workerPipelines({ log: pino({ level: "warn" }, pino.destination(2)) });
    await runTrainingJob(settings, { folder, openPipeline, onEvent });
    use.onModel?.(join(folder, "model"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { tokens, seconds: (ended - begun) / 1000 };
}
