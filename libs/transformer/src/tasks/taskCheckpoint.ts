/**
 * @file Where a checkpoint keeps the weights of a task model, which of the head's it lacks, and the names under which
 * transformers saves them.
 */
import { spellings, unknownWeights, checkpointProblem, type CheckpointEntries } from "../checkpointNames.ts";
import type { EncoderModel } from "../encoderModel.ts";
import { CheckpointError } from "../errors.ts";
import { taskFamilyOf } from "./taskFamilies.ts";
import type { TaskModel } from "./taskModel.ts";
import { taskParameters, wordEmbeddings, type TaskParameter } from "./taskParameters.ts";

export type TaskCheckpointOptions = {
  /** Treat a head of another size as missing, so that a new one is initialized: `ignore_mismatched_sizes` in transformers. */
  readonly replaceHead?: boolean;
};

export type TaskCheckpointNames = {
  /** Checkpoint name of each weight that is there, by the name that graphs use. A tied decoder has that of the embeddings. */
  readonly names: ReadonlyMap<string, string>;
  /** Weights of the head that are not, those of adapters, and auxiliary ones: to be initialized. */
  readonly missing: readonly TaskParameter[];
};

/**
 * Match a task model's weights with a checkpoint's, of the same task, of another, or of the base model.
 *
 * @throws CheckpointError with the names, when weights of the base model are missing, weights are unknown, or one is of
 *   another shape than the model says
 */
export function resolveTaskCheckpointNames(
  model: TaskModel,
  checkpoint: CheckpointEntries,
  { replaceHead = false }: TaskCheckpointOptions = {},
): TaskCheckpointNames {
  const available = new Set(checkpoint.names());
  const parameters = taskParameters(model);
  const names = new Map<string, string>();
  const missing: TaskParameter[] = [];
  const misshapen: Mismatch[] = [];
  for (const each of parameters) {
    if (each.tiedTo !== undefined) continue;
    const found = spellingsOf(model, each.name).find((spelling) => available.has(spelling));
    const actual = found === undefined ? undefined : checkpoint.shapeOf(found);
    const hasShape = actual?.join() === each.shape.join();
    if (found !== undefined && actual !== undefined && !hasShape && !(each.isHead && replaceHead))
      misshapen.push({ parameter: each, found, actual });
    if (found !== undefined && hasShape) names.set(each.name, found);
    else missing.push(each);
  }
  expectBase(
    missing.filter(({ isHead, isAdapter, isAuxiliary }) => !isHead && !isAdapter && !isAuxiliary),
    misshapen,
  );
  expectShapes(model, misshapen);
  for (const { name, tiedTo } of parameters) {
    if (tiedTo !== undefined) names.set(name, names.get(tiedTo)!);
  }
  const unknown = unknownWeights(model, available, new Set(names.values()));
  if (unknown.length > 0) {
    throw checkpointProblem(
      "has weights that this architecture does not know",
      unknown,
      "ignoring them could give wrong results",
    );
  }
  return { names, missing };
}

/**
 * The name under which transformers saves a weight of the task model: weights of the base model have its prefix, unless the base
 * model is all there is. The tied decoder is not saved; its name is that of the word embeddings.
 */
export function checkpointNameOf(model: TaskModel, graphName: string): string {
  const { maskedLm } = taskFamilyOf(model.family);
  if (graphName === maskedLm.decoder) return checkpointNameOf(model, wordEmbeddings(model));
  return model.task.name === "sentence-embedding" || isOwnName(model, graphName)
    ? graphName
    : model.family.prefix + graphName;
}

/** Heads have their names beside the base model's prefix; the pooler is part of the base model. */
function isOwnName({ family }: EncoderModel, graphName: string): boolean {
  const isPooler = family.poolerName !== null && graphName.startsWith(`${family.poolerName}.`);
  return !isPooler && family.unused.some((pattern) => pattern.test(graphName));
}

/** Older versions of transformers saved the masked-LM bias under its decoder's name too. */
function spellingsOf({ family }: TaskModel, name: string): string[] {
  const { bias, decoder } = taskFamilyOf(family).maskedLm;
  const written = spellings(name, family.prefix);
  return name === bias ? [...written, decoder.replace(/weight$/, "bias")] : written;
}

type Mismatch = { readonly parameter: TaskParameter; readonly found: string; readonly actual: readonly number[] };

function expectBase(missing: readonly TaskParameter[], misshapen: readonly Mismatch[]): void {
  const wrong = new Set(misshapen.map(({ parameter }) => parameter));
  const absent = missing.filter((each) => !wrong.has(each)).map(({ name }) => name);
  if (absent.length > 0) {
    throw checkpointProblem(
      "lacks weights that the model needs",
      absent,
      "is it a complete checkpoint of this architecture?",
    );
  }
}

function expectShapes({ task }: TaskModel, misshapen: readonly Mismatch[]): void {
  if (misshapen.length === 0) return;
  const shown = misshapen.map(
    ({ parameter, found, actual }) => `${found}: expected [${parameter.shape.join(", ")}], got [${actual.join(", ")}]`,
  );
  if (misshapen.some(({ parameter }) => !parameter.isHead))
    throw checkpointProblem("has weights of another shape than config.json says", shown, "do the two belong together?");
  const size = "numLabels" in task ? ` with ${task.numLabels} labels` : "";
  throw new CheckpointError(
    `model.safetensors: the checkpoint's head has another size than the task ${task.name}${size}: ${shown.join("; ")} ` +
      "(train with the labels that it was trained for, start from its base model, or ask for a new head with replace_head)",
    misshapen.map(({ found }) => found),
  );
}
