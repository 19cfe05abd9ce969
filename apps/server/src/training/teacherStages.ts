/** @file A teacher as a pipeline that only evaluates, in as many stages as the job has: for what is read of its head, or of its layers. */
import { BatchedDataSet, type EvaluationBatch, type StageSettings, type TensorMap } from "@stagecoach/training";
import type { EncoderModel, Task } from "@stagecoach/transformer";
import { threadsEach } from "../config/threadsEach.ts";
import type { PipelineRequest } from "./pipelineRequest.ts";
import type { AskOptions, Encoded } from "./teacherAnswers.ts";
import { whileStagesLast } from "./whileStagesLast.ts";

export type StagedTeacher = { readonly folder: string; readonly model: EncoderModel };

/** Examples of a batch: the cut into batches decides the last bits, and does not depend on the job's. */
const BATCH = 32;

type Question = {
  readonly settings: StageSettings;
  readonly encoded: Encoded;
  /** What the examples are given for. */
  readonly task: Task;
  /** Numbers of those that are asked for; all when left out. */
  readonly examples?: Int32Array;
  /** Most examples of a batch. */
  readonly batchSize?: number;
};

/**
 * @param take - given the outputs of every batch; from the first one again after the loss of a stage
 * @throws what the pipeline throws; the signal's reason
 */
export async function askInStages(
  { folder, model }: StagedTeacher,
  { settings, encoded, task, examples, batchSize = BATCH }: Question,
  {
    numStages,
    engine,
    threads = threadsEach(numStages),
    openPipeline,
    signal,
    take,
  }: AskOptions & { readonly take: (asked: EvaluationBatch, outputs: TensorMap, numDone: number) => void },
): Promise<void> {
  const evaluationBatchSize = Math.min(batchSize, examples?.length ?? encoded.store.size);
  const chosen = examples === undefined ? {} : { examples };
  const data = new BatchedDataSet(encoded, { seed: 0, task, batchSize: 1, evaluationBatchSize, ...chosen });
  const request: PipelineRequest = {
    folder,
    settings,
    // A weight that all layers share keeps them in one stage.
    numStages: model.family.relativeBiasName === null ? Math.min(numStages, model.config.numLayers) : 1,
    engine,
    threads,
    schedule: "1f1b",
    maxMicroBatchTokens: evaluationBatchSize * encoded.report.longest,
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
