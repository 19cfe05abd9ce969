/** @file What happens to rows that cannot be used: the first one stops everything, or they are left out and counted. */
import { DataError } from "./dataError.ts";

export type BadRowRule = "error" | "skip";

/** Messages that are kept of rows left out. */
const numKept = 5;

export class BadRows {
  readonly #rule: BadRowRule;
  readonly #messages: string[] = [];
  #count = 0;

  constructor(rule: BadRowRule = "error") {
    this.#rule = rule;
  }

  /** Rows left out. */
  get count(): number {
    return this.#count;
  }

  /** What was wrong with the first few of them. */
  get messages(): readonly string[] {
    return this.#messages;
  }

  /** @throws the error itself unless bad rows are to be left out */
  report(error: DataError): void {
    if (this.#rule === "error") throw error;
    this.#count++;
    if (this.#messages.length < numKept) this.#messages.push(error.message);
  }

  /** Runs `use` on a row and reports what it finds wrong. @returns whether the row was used */
  try(use: () => void): boolean {
    try {
      use();
      return true;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.report(error);
      return false;
    }
  }
}
