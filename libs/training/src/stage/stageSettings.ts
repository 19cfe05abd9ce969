/** @file What all stages of a run must know alike, as JSON: it travels to workers, and decides the bytes of the result. */
import type { DropoutRates, LoraOptions, Task } from "@stagecoach/transformer";
import type { OptimizerOptions } from "../optimizers/optimizer.ts";

/**
 * - `encoder`: of the last layer come what a head reads, and nothing is trained: for features of texts that stay as they are
 * - `head`: what stands behind the last layer, on such features
 */
export type TrainedPart = "encoder" | "head";

export type StageSettings = {
  readonly task: Task;
  /** null: no dropout. */
  readonly dropout: DropoutRates | null;
  /** Keys dropout masks and the values of a new head. */
  readonly seed: number;
  readonly optimizer: OptimizerOptions;
  /** Regular expressions; a parameter whose name one of them matches stays as it is. */
  readonly freeze: readonly string[];
  /** Adapters beside the layers; what is frozen with them is in `freeze`. */
  readonly lora?: LoraOptions | undefined;
  readonly recompute: boolean;
  /** Default: the whole model. */
  readonly part?: TrainedPart | undefined;
  /** Hidden states that evaluations give, for students. Default: none. */
  readonly states?: readonly number[] | undefined;
  /** Begin with a new head where the checkpoint has one of another size. */
  readonly replaceHead: boolean;
};

/** The pattern of one parameter. */
export const patternOf = (name: string): string => `^${name.replaceAll(".", "\\.")}$`;

/** Whether a parameter is frozen. @throws SyntaxError for a pattern that is none */
export function frozenBy(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(pattern));
  return (name) => expressions.some((expression) => expression.test(name));
}
