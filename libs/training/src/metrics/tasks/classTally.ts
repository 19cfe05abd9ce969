/** @file What every task with one label per row counts: targets, predictions and the cross-entropy. */
import { RunningMean } from "../runningMean.ts";
import { argMax, expectLabel, logProbability, type Rows } from "./rows.ts";

export class ClassTally {
  readonly targets: number[] = [];
  readonly predictions: number[] = [];
  readonly #loss = new RunningMean();
  readonly #classWeights: readonly number[] | undefined;

  /** @param classWeights - of the loss, as torch.nn.CrossEntropyLoss(weight): a mean weighted by the targets' classes */
  constructor(classWeights?: readonly number[]) {
    this.#classWeights = classWeights;
  }

  /**
   * @returns the class predicted, and its probability
   * @throws MetricError when the label is not one of the row's classes
   */
  add(logits: Rows, row: number, target: number): { predicted: number; probability: number } {
    expectLabel(target, logits.numColumns);
    const predicted = argMax(logits, row);
    this.targets.push(target);
    this.predictions.push(predicted);
    this.#loss.add(-logProbability(logits, row, target), this.#classWeights?.[target] ?? 1);
    return { predicted, probability: Math.exp(logProbability(logits, row, predicted)) };
  }

  get loss(): number | null {
    return this.#loss.value;
  }
}
