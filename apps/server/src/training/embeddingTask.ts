/** @file Sentence embedding as a job asks for it: its loss, and what the model must be like. */
import { TrainingError } from "@stagecoach/training";
import type { ScheduleName } from "@stagecoach/parallel";
import { comparesWholeStep, type EncoderModel, type Task } from "@stagecoach/transformer";
import type { Hyperparameters } from "../jobs/hyperparameters.ts";
import type { VectorTeaching } from "./teacher.ts";

/** sentence-transformers' scale for cosines; dot products have none. */
const SCALES = { cosine: 20, dot: 1 } as const;

/**
 * A task of sentence vectors with the job's own loss; any other task as it is.
 *
 * @param job.teaching - what a teacher has said; null without one
 * @throws TrainingError for sizes that the vectors do not have, for options that say nothing about the data's loss, and for a model
 *   with dense layers after its pooling
 */
export function withEmbeddingLoss(
  task: Task,
  given: Hyperparameters,
  {
    modules,
    teaching,
  }: Pick<EncoderModel, "modules"> & { readonly teaching: Pick<VectorTeaching, "loss" | "hasUnitLength"> | null },
): Task {
  if (task.name !== "sentence-embedding") return task;
  if (task.loss.name === "none" && teaching === null) {
    throw wrong(
      "teacher: expected one for texts without pairs, got none (give anchors and positives, or a model to learn from)",
    );
  }
  const dense = modules.transforms.find((each) => each !== "normalize");
  if (dense !== undefined) {
    throw wrong(
      `model: expected one without dense layers after its pooling, which cannot be trained yet, got "${dense.path}" in modules.json`,
    );
  }
  const { matryoshka_dimensions: asked, similarity = "cosine", similarity_scale: scale = SCALES[similarity] } = given;
  const extras = {
    ...(asked === undefined ? {} : { dimensions: sizesOf(asked, modules.dimensions) }),
    ...(teaching === null ? {} : { teacher: teaching.loss }),
    // An encoder without modules becomes what its teacher is.
    ...(teaching?.hasUnitLength === true && !modules.isDeclared ? { addsNormalize: true } : {}),
  };
  if (task.loss.name === "in-batch-negatives")
    return { ...task, ...extras, loss: { name: "in-batch-negatives", similarity, scale } };
  const unused = (["similarity", "similarity_scale"] as const).find((name) => given[name] !== undefined);
  if (unused !== undefined)
    throw wrong(
      `${unused.replaceAll("_", " ")}: it says nothing without in-batch negatives, which come from anchors and positives (leave it out)`,
    );
  return { ...task, ...extras };
}

/** Largest first, each once. */
function sizesOf(asked: readonly number[], full: number): readonly number[] {
  const tooLarge = asked.find((size) => size > full);
  if (tooLarge !== undefined)
    throw wrong(`matryoshka dimensions: expected at most ${full}, the size of the model's vectors, got ${tooLarge}`);
  return [...new Set(asked)].toSorted((a, b) => b - a);
}

/**
 * The schedule that a job has asked for, or the usual one. A loss that compares a whole step begins its backward passes when all
 * forward passes are done, which is GPipe's order.
 *
 * @throws TrainingError for another order then
 */
export function scheduleFor(task: Task, asked: ScheduleName | undefined): ScheduleName {
  if (!comparesWholeStep(task)) return asked ?? "1f1b";
  if (asked === undefined || asked === "gpipe") return "gpipe";
  throw wrong(
    `schedule: expected gpipe, since this loss compares the texts of all micro-batches of a step, got ${asked} (leave it out; recompute saves memory)`,
  );
}

const wrong = (message: string) => new TrainingError("training_option", message);
