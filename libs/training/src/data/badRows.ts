/** @file What happens to rows that cannot be used: the first one stops everything, or they are left out and counted. */
import { DataError } from "./dataError.ts";

export type BadRowRule = "error" | "skip";

/** Errors that are kept of rows left out. */
const numKept = 20;

export type BadRowsOptions = {
  /** So many rows are left out at most: the next one stops everything all the same. Default: any number. */
  readonly limit?: number;
};

export class BadRows {
  readonly #rule: BadRowRule;
  readonly #limit: number;
  readonly #errors: DataError[] = [];
  #count = 0;

  constructor(rule: BadRowRule = "error", { limit = Infinity }: BadRowsOptions = {}) {
    this.#rule = rule;
    this.#limit = limit;
  }

  /** Rows left out. */
  get count(): number {
    return this.#count;
  }

  /** What was wrong with the first few of them. */
  get errors(): readonly DataError[] {
    return this.#errors;
  }

  /** @throws the error itself unless bad rows are to be left out */
  report(error: DataError): void {
    if (this.#rule === "error" || this.#count >= this.#limit) throw error;
    this.#count++;
    if (this.#errors.length < numKept) this.#errors.push(error);
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
