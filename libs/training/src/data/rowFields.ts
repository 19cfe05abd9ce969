/** @file The values of a row by their role, checked. */
import { DataError, describeValue, type DataErrorCode } from "./dataError.ts";
import type { DataRow } from "./dataRow.ts";
import type { Layout, Role } from "./layouts.ts";

export class RowFields {
  readonly file: string;
  readonly #layout: Layout;
  readonly #isTyped: boolean;

  /** @param file.isTyped - whether values have types; those of CSV are all text, and lists in it are JSON or words */
  constructor(layout: Layout, file: { readonly name: string; readonly isTyped: boolean }) {
    this.#layout = layout;
    this.file = file.name;
    this.#isTyped = file.isTyped;
  }

  get isTyped(): boolean {
    return this.#isTyped;
  }

  has(role: Role): boolean {
    return this.#layout.columns[role] !== undefined;
  }

  value(row: DataRow, role: Role): unknown {
    return row.values[this.columnOf(role)];
  }

  /** @throws DataError "data_value" unless it is text that is not blank */
  text(row: DataRow, role: Role): string {
    const value = this.value(row, role);
    if (typeof value !== "string") throw this.wrong(row, role, "text");
    if (value.trim() === "") throw this.error("data_value", "expected text, got none", { row, role });
    return value;
  }

  /**
   * @param options.inWords - whether a file whose values are all text may also have words with spaces between them
   * @throws DataError "data_value" unless it is a list, with at least one entry unless it may be empty
   */
  list(row: DataRow, role: Role, { mayBeEmpty = false, inWords = true } = {}): readonly unknown[] {
    const value = this.#listOf(row, role, inWords);
    if (value.length === 0 && !mayBeEmpty) throw this.wrong(row, role, "a list with at least one entry");
    return value;
  }

  /** @throws DataError "data_value" unless it is a list of texts that are not blank */
  texts(row: DataRow, role: Role, options: { readonly inWords?: boolean } = {}): readonly string[] {
    const list = this.list(row, role, options);
    const wrong = list.findIndex((text) => typeof text !== "string" || text.trim() === "");
    if (wrong >= 0) {
      const message = `expected text that is not blank in entry ${wrong}, got ${describeValue(list[wrong])}`;
      throw this.error("data_value", message, { row, role });
    }
    return list as readonly string[];
  }

  /** `expected ..., got ...` for the value of a role. */
  wrong(row: DataRow, role: Role, expected: string): DataError {
    return this.error("data_value", `expected ${expected}, got ${describeValue(this.value(row, role))}`, { row, role });
  }

  error(
    code: DataErrorCode,
    message: string,
    { row, role }: { readonly row: DataRow; readonly role: Role },
  ): DataError {
    return new DataError(code, message, { file: this.file, line: row.line, column: this.columnOf(role) });
  }

  #listOf(row: DataRow, role: Role, inWords: boolean): readonly unknown[] {
    const value = this.value(row, role);
    if (Array.isArray(value)) return value;
    if (this.#isTyped || typeof value !== "string") throw this.wrong(row, role, "a list");
    const isJson = value.trim().startsWith("[");
    if (!isJson && inWords) return value.split(/\s+/).filter((word) => word !== "");
    try {
      return JSON.parse(value) as readonly unknown[];
    } catch {
      throw this.wrong(row, role, inWords ? "a list as JSON, or words with spaces between them" : "a list as JSON");
    }
  }

  columnOf(role: Role): string {
    const column = this.#layout.columns[role];
    if (column === undefined) throw new Error(`internal: no column for ${role}`);
    return column;
  }
}
