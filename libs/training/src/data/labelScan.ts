/**
 * @file What a whole column of labels holds, read before anything is encoded: the classes there are, and which kind of
 * problem it is.
 */
import type { ProblemType } from "@stagecoach/transformer";
import { DataError, describeValue, type DataPlace } from "./dataError.ts";

/** More classes than this are a mistake (a column of free text). */
export const maxClasses = 10_000;

const wholeNumber = /^[+-]?\d+$/;
const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

type Kind = "text" | "whole" | "fraction";

export class LabelScan {
  readonly #isTyped: boolean;
  readonly #column: string;
  readonly #names = new Map<string, number>();
  readonly #first = new Map<Kind, DataPlace>();
  #numLists = 0;
  #numSingle = 0;
  #firstTooMany: DataPlace | undefined;

  /** @param column - a column that is called "score" holds scores, also where all are whole numbers */
  constructor({ isTyped, column }: { readonly isTyped: boolean; readonly column: string }) {
    this.#isTyped = isTyped;
    this.#column = column;
  }

  /** @throws DataError "data_label" for what cannot be a label */
  add(value: unknown, place: DataPlace): void {
    const isList = Array.isArray(value);
    if (isList) this.#numLists++;
    else this.#numSingle++;
    if (this.#numLists > 0 && this.#numSingle > 0) {
      const [expected, got] = isList ? ["one label", "a list of labels"] : ["a list of labels", "a single one"];
      throw new DataError("data_label", `expected ${expected} as in the rows before, got ${got}`, place);
    }
    for (const each of isList ? (value as unknown[]) : [value]) this.#addOne(each, place);
  }

  #addOne(value: unknown, place: DataPlace): void {
    const name = labelName(value, place);
    const kind = this.#kindOf(value, name);
    if (!this.#first.has(kind)) this.#first.set(kind, place);
    const count = this.#names.get(name);
    if (count !== undefined || this.#names.size < maxClasses) this.#names.set(name, (count ?? 0) + 1);
    else this.#firstTooMany ??= place;
  }

  #kindOf(value: unknown, name: string): Kind {
    if (typeof value !== "number" && this.#isTyped) return "text";
    if (wholeNumber.test(name)) return "whole";
    return number.test(name) ? "fraction" : "text";
  }

  /** What the labels look like: lists are several labels, fractions and a column "score" are numbers to predict. */
  guessProblemType(): ProblemType {
    const isNumbers = this.#first.size > 0 && !this.#first.has("text");
    if (isNumbers && (this.#first.has("fraction") || this.#column === "score")) return "regression";
    return this.guessClassification();
  }

  /** As `guessProblemType`, where it is known that the labels are classes. */
  guessClassification(): Exclude<ProblemType, "regression"> {
    return this.#numLists > 0 ? "multi_label_classification" : "single_label_classification";
  }

  /**
   * The classes: names in order of their code units, whole numbers in order of size.
   *
   * @throws DataError "data_label" for fractions, or when there is one class only; "data_too_many_classes"
   */
  classes(place: DataPlace): readonly string[] {
    const fraction = this.#first.get("fraction");
    if (fraction !== undefined && !this.#first.has("text")) {
      const message =
        "expected classes (text or whole numbers), got a number with a fraction (for numbers to predict: regression)";
      throw new DataError("data_label", message, fraction);
    }
    const text = this.#first.get("text");
    const other = fraction ?? this.#first.get("whole");
    if (this.#isTyped && text !== undefined && other !== undefined) {
      const line = Math.max(text.line ?? 0, other.line ?? 0) || undefined;
      throw new DataError("data_label", "expected labels all of one type, got both text and numbers", {
        ...place,
        line,
      });
    }
    if (this.#firstTooMany !== undefined) {
      const message = `expected at most ${maxClasses} classes, got more (is it a column of free text?)`;
      throw new DataError("data_too_many_classes", message, this.#firstTooMany);
    }
    const names = Array.from(this.#names.keys());
    if (names.length < 2) {
      const message = `expected at least two classes, got ${names.length === 0 ? "none" : `only ${describeValue(names[0])}`}`;
      throw new DataError("data_label", message, place);
    }
    const isNumeric = text === undefined;
    return isNumeric ? names.toSorted((a, b) => Number(a) - Number(b)) : names.toSorted();
  }

  /** @throws DataError "data_label" when a label is not a number */
  checkNumbers(): void {
    const text = this.#first.get("text");
    if (text === undefined) return;
    throw new DataError("data_label", "expected a number to predict (regression), got text", text);
  }
}

/** @throws DataError "data_label" for what cannot be a label */
export function labelName(value: unknown, place: DataPlace): string {
  if (typeof value === "string" && value.trim() !== "") return value.trim();
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return String(value);
  throw new DataError("data_label", `expected a label (text or a number), got ${describeValue(value)}`, place);
}
