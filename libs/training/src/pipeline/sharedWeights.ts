/**
 * @file A weight that two stages hold: the masked-LM decoder, which is the word embeddings (Press and Wolf 2017).
 *
 * Both keep it, with moments of their own. Before an update they exchange gradients and add them in one order, so that both
 * make the same change, and so that a model in one stage does the same arithmetic as one that is cut.
 */
import { float32, type HostTensor } from "@stagecoach/engine";
import { taskParameters, type TaskModel } from "@stagecoach/transformer";
import { TrainingError } from "../loop/trainingError.ts";
import type { TrainingStage } from "../stage/trainingStage.ts";

export type SharedWeight = {
  /** On the first stage; saved, and counted in the gradient's norm. */
  readonly owner: string;
  /** On the last stage. */
  readonly copy: string;
};

export type StageWithShared = { readonly stage: TrainingStage; readonly shared: SharedWeight | null };

/** null for tasks whose weights all stand in one place. */
export function sharedWeightOf(model: TaskModel): SharedWeight | null {
  const tied = taskParameters(model).find(({ tiedTo }) => tiedTo !== undefined);
  return tied?.tiedTo === undefined ? null : { owner: tied.tiedTo, copy: tied.name };
}

/**
 * MPNet's relative position bias is in every stage; its gradient is not summed over more than one.
 * @throws TrainingError for a family that can only be trained as a whole
 */
export function expectStages({ family, config }: TaskModel, numStages: number): void {
  if (family.relativeBiasName === null || numStages === 1) return;
  throw new TrainingError(
    "training_option",
    `stages: a model of type "${config.modelType}" can be trained in 1 stage only, since all its layers share a weight; got ${numStages}`,
  );
}

/** Both ends of a shared weight take the sum of their gradients, where one process has both. */
export async function agreeOnShared(
  { first, last }: { readonly first: TrainingStage; readonly last: TrainingStage },
  { owner, copy }: SharedWeight,
): Promise<void> {
  if (!first.trained.includes(owner)) return;
  const sum = addGradients(await first.readGradient(owner), await last.readGradient(copy));
  first.replaceGradient(owner, sum);
  last.replaceGradient(copy, sum);
}

/** The gradient that both places take: the owner's plus the copy's. */
export function addGradients(owner: HostTensor, copy: HostTensor): HostTensor {
  const sum = Float32Array.from(owner.data);
  copy.data.forEach((value, index) => (sum[index]! += value));
  return float32(sum, owner.shape);
}
