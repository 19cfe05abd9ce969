/** @file Which parameters stay as they are: names and beginnings of names, as people write them. */
import { frozenBy, patternOf, TrainingError } from "@stagecoach/training";
import { checkpointNameOf, taskParameters, type TaskModel } from "@stagecoach/transformer";

/** transformers' name for all that is below the head: the pooler too, unless it is a new one. */
const BASE_MODEL = "base_model";

export type BesidesFrozen = {
  /** Patterns of what is frozen besides; given back too. */
  readonly others?: readonly string[];
  /** Weights that the checkpoint does not have. */
  readonly missing?: readonly string[];
};

/**
 * The frozen parameters' names as patterns for StageSettings. A beginning ends at a dot: `encoder.layer.1` is not layer 10. Names
 * are those of graphs, or those of the checkpoint (`bert.encoder.layer.1`), or `base_model`. A tied weight follows its owner.
 *
 * @throws TrainingError when one of them names nothing, or all parameters are frozen
 */
export function frozenParameters(
  model: TaskModel,
  beginnings: readonly string[],
  { others = [], missing = [] }: BesidesFrozen = {},
): readonly string[] {
  if (beginnings.length === 0) return others;
  const parameters = taskParameters(model).filter(({ isAuxiliary }) => !isAuxiliary);
  const own = parameters.filter(({ tiedTo }) => tiedTo === undefined).map(({ name }) => name);
  const pooler = model.family.poolerName?.split(".")[0];
  const below = parameters.filter(
    ({ name, isHead, isAdapter }) =>
      !isAdapter && (!isHead || (name.split(".")[0] === pooler && !missing.includes(name))),
  );
  const base = new Set(below.map(({ name }) => name));
  const isMatched = (name: string, beginning: string) =>
    (beginning === BASE_MODEL && base.has(name)) ||
    [name, checkpointNameOf(model, name), model.family.prefix + name].some(
      (each) => each === beginning || each.startsWith(`${beginning}.`),
    );
  for (const beginning of beginnings) {
    if (own.some((name) => isMatched(name, beginning))) continue;
    const examples = own.slice(0, 3).join(", ");
    throw new TrainingError(
      "training_option",
      `freeze: expected the beginning of a parameter's name, such as ${examples}, got "${beginning}"`,
    );
  }
  const frozen = new Set(own.filter((name) => beginnings.some((beginning) => isMatched(name, beginning))));
  const isFrozenBesides = frozenBy(others);
  if (own.every((name) => frozen.has(name) || isFrozenBesides(name)))
    throw new TrainingError("training_option", "freeze: expected a parameter that is left to train, got none");
  const all = parameters.filter(({ name, tiedTo }) => frozen.has(tiedTo ?? name));
  return [...all.map(({ name }) => patternOf(name)), ...others];
}
