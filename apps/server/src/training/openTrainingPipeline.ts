/** @file The pipeline of a job over stage workers; after the loss of one it is mended, not opened anew. */
import type { TrainingPipeline } from "@stagecoach/training";
import { openWorkerPipeline, type WorkerPipeline, type WorkerPipelineOptions } from "./openWorkerPipeline.ts";
import type { OpenPipeline } from "./pipelineRequest.ts";

export type PipelineControls = Pick<WorkerPipelineOptions, "log" | "signal" | "onStep">;

export function workerPipelines(controls: PipelineControls): OpenPipeline {
  const opened = new Map<TrainingPipeline, WorkerPipeline>();
  return async (request, lost) => {
    const known = lost === null ? undefined : opened.get(lost);
    if (known !== undefined) {
      await known.recovered();
      return known;
    }
    const pipeline = await openWorkerPipeline({ ...request, ...controls });
    opened.set(pipeline, pipeline);
    return pipeline;
  };
}
