/** @file Work on a pipeline that begins again when a stage is lost: what is computed before the first step. */
import { isStageLost, TrainingError, type TrainingPipeline } from "@stagecoach/training";
import type { OpenPipeline, PipelineRequest } from "./pipelineRequest.ts";

/** Losses of a stage until it is given up. */
const MAX_LOSSES = 5;

/**
 * The pipeline is closed in the end.
 *
 * @param work - begun anew after each loss
 * @throws TrainingError `training_stalled` when stages are lost again and again; what opening it and the work throw otherwise
 */
export async function whileStagesLast<Result>(
  openPipeline: OpenPipeline,
  request: PipelineRequest,
  work: (pipeline: TrainingPipeline) => Promise<Result>,
): Promise<Result> {
  let pipeline: TrainingPipeline | null = null;
  try {
    for (let losses = 0; ; losses++) {
      try {
        pipeline = await openPipeline(request, pipeline);
        return await work(pipeline);
      } catch (cause) {
        if (!isStageLost(cause)) throw cause;
        if (losses < MAX_LOSSES) continue;
        const message = `before the first step: expected the stages to last, got ${losses + 1} losses (the last: ${cause.message})`;
        throw new TrainingError("training_stalled", message, { cause });
      }
    }
  } finally {
    await pipeline?.close();
  }
}
