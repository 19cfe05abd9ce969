/** @file A training pipeline in this process, one of whose calls fails. */
import type { OpenPipeline } from "../../apps/server/src/training/pipelineRequest.ts";
import { openLocalPipeline } from "./openLocalPipeline.ts";

export type FailingMethod = "accumulate" | "apply" | "save" | "evaluate";

export type FailingPipelines = {
  readonly openPipeline: OpenPipeline;
  /** Of the method, over all pipelines so far. */
  readonly numCalls: () => number;
};

/** Fails once, in the given call (over all pipelines of a run) of a method. */
export function failingPipelines(method: FailingMethod, call: number, code: string): FailingPipelines {
  let calls = 0;
  const openPipeline: OpenPipeline = async (request, lost) => {
    await lost?.close();
    const pipeline = await openLocalPipeline(request);
    const own = (pipeline[method] as (argument: unknown) => Promise<never>).bind(pipeline);
    const broken = async (argument: unknown) => {
      if (++calls === call) throw Object.assign(new Error("gone"), { code });
      return own(argument);
    };
    return { ...pipeline, numStages: pipeline.numStages, [method]: broken };
  };
  return { openPipeline, numCalls: () => calls };
}
