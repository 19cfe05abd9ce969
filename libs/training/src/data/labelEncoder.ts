/** @file Labels as what a loss reads: class numbers, lists of them, or numbers to predict. */
import type { ProblemType } from "@stagecoach/transformer";
import { DataError, describeValue, type DataPlace } from "./dataError.ts";
import { labelName } from "./labelScan.ts";

/** Classes that a message lists. */
const numListed = 20;

/** Class numbers by name. */
export class ClassLabels {
  readonly names: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  constructor(names: readonly string[]) {
    this.names = names;
    this.#ids = new Map(names.map((name, id) => [name, id]));
    if (this.#ids.size !== names.length) {
      throw new DataError("data_option", `labels: expected each name once, got ${names.join(", ")}`);
    }
  }

  /** @throws DataError "data_label" for a label that is not known */
  idOf(value: unknown, place: DataPlace): number {
    const id = this.#ids.get(labelName(value, place));
    if (id !== undefined) return id;
    const listed = this.names.slice(0, numListed).join(", ");
    const more = this.names.length > numListed ? `, and ${this.names.length - numListed} more` : "";
    const message = `expected a known label (${listed}${more}), got ${describeValue(value)} (it was not seen in training)`;
    throw new DataError("data_label", message, place);
  }
}

/** The target of one row of sequence classification (see `readLabel`). */
export type LabelEncoder = {
  readonly problemType: ProblemType;
  /** Empty for regression. */
  readonly names: readonly string[];
  readonly numLabels: number;
  /** @throws DataError "data_label" when the label does not fit */
  encode(value: unknown, place: DataPlace): Int32Array;
};

/** One class: `[id]`; several: their ids in order. */
export function classEncoder(labels: ClassLabels, problemType: Exclude<ProblemType, "regression">): LabelEncoder {
  const single = (value: unknown, place: DataPlace) => {
    if (!Array.isArray(value)) return Int32Array.of(labels.idOf(value, place));
    throw new DataError(
      "data_label",
      "expected one label, got a list (for several: multi_label_classification)",
      place,
    );
  };
  const several = (value: unknown, place: DataPlace) => {
    if (!Array.isArray(value)) {
      throw new DataError("data_label", `expected a list of labels, got ${describeValue(value)}`, place);
    }
    const ids = Int32Array.from(value, (each) => labels.idOf(each, place)).toSorted();
    if (new Set(ids).size === ids.length) return ids;
    throw new DataError(
      "data_label",
      "expected each label once in a list, got one twice (list names, not zeros and ones)",
      place,
    );
  };
  return {
    problemType,
    names: labels.names,
    numLabels: labels.names.length,
    encode: problemType === "single_label_classification" ? single : several,
  };
}

/** Numbers to predict, as the bits of float32. @param width - numbers of a row */
export function numberEncoder(width: number): LabelEncoder {
  return {
    problemType: "regression",
    names: [],
    numLabels: width,
    encode: (value, place) => {
      const list: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (list.length !== width) {
        throw new DataError("data_label", `expected ${width} numbers, got ${list.length}`, place);
      }
      const numbers = Float32Array.from(list, (each) => Number(labelName(each, place)));
      if (numbers.every((each) => Number.isFinite(each))) return new Int32Array(numbers.buffer);
      throw new DataError("data_label", `expected a number (regression), got ${describeValue(value)}`, place);
    },
  };
}
