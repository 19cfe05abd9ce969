/** @file Requests that cannot be served as they are. `code` decides status and body (http/errorTables.ts). */

/** An input of no text, or a list of no inputs. */
export class EmptyInputError extends Error {
  override readonly name = "EmptyInputError";
  readonly code = "empty_input";
  /** The field that is empty, as the client named it. */
  readonly field: string | null;

  constructor(message: string, field: string | null = null) {
    super(message);
    this.field = field;
  }
}

/** A value that does not fit: too many inputs, too long without truncation, ids or dimensions out of range. */
export class InvalidInputError extends Error {
  override readonly name = "InvalidInputError";
  readonly code = "invalid_input";
  /** The field that is wrong, as the client named it. */
  readonly field: string | null;

  constructor(message: string, field: string | null = null, options?: ErrorOptions) {
    super(message, options);
    this.field = field;
  }
}
