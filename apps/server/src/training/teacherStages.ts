/** @file A teacher as a pipeline that only evaluates, in as many stages as the job has: for what is read of its head, or of its layers. */
import type { BatchedDataSet, EvaluationBatch, StageSettings, TensorMap } from "@stagecoach/training";
import type { EncoderModel } from "@stagecoach/transformer";
import { threadsEach } from "../config/threadsEach.ts";
import type { PipelineRequest } from "./pipelineRequest.ts";
import type { AskOptions } from "./teacherAnswers.ts";
import { whileStagesLast } from "./whileStagesLast.ts";

export type StagedTeacher = { readonly folder: string; readonly model: EncoderModel };

/** Examples of a batch: the cut into batches decides the last bits, and does not depend on the job's. */
export const TEACHER_BATCH = 32;

type Question = {
  readonly settings: StageSettings;
  readonly data: Pick<BatchedDataSet, "evaluationBatches">;
  /** Tokens of the longest example. */
  readonly longest: number;
};

/**
 * @param take - given the outputs of every batch; from the first one again after the loss of a stage
 * @throws what the pipeline throws; the signal's reason
 */
export async function askInStages(
  { folder, model }: StagedTeacher,
  { settings, data, longest }: Question,
  {
    numStages,
    engine,
    threads = threadsEach(numStages),
    openPipeline,
    signal,
    take,
  }: AskOptions & { readonly take: (asked: EvaluationBatch, outputs: TensorMap, numDone: number) => void },
): Promise<void> {
  const request: PipelineRequest = {
    folder,
    settings,
    // A weight that all layers share keeps them in one stage.
    numStages: model.family.relativeBiasName === null ? Math.min(numStages, model.config.numLayers) : 1,
    engine,
    threads,
    schedule: "1f1b",
    maxMicroBatchTokens: TEACHER_BATCH * longest,
  };
  await whileStagesLast(openPipeline, request, async (pipeline) => {
    let numDone = 0;
    for (const asked of data.evaluationBatches()) {
      signal?.throwIfAborted();
      const outputs = await pipeline.evaluate(asked.batch);
      numDone += asked.examples.length;
      take(asked, outputs, numDone);
    }
  });
}
