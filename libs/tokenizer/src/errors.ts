/**
 * @file Errors of this package. Each carries a stable `code` and its facts as fields; the message reads
 * `where: what was expected, got what (remedy)`.
 */

export type TokenizerErrorCode =
  | "tokenizer_file_invalid"
  | "tokenizer_component_unsupported"
  | "token_id_invalid"
  | "truncation_impossible"
  | "encode_option_invalid"
  | "vocabulary_training_failed"
  | "aborted";

/** What every error of this package is. */
export class TokenizerError extends Error {
  override readonly name: string = "TokenizerError";
  readonly code: TokenizerErrorCode;

  constructor(code: TokenizerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A tokenizer file is missing, is not what its format says, or contradicts itself. */
export class TokenizerFileError extends TokenizerError {
  override readonly name = "TokenizerFileError";
  /** Where in the file, for example `tokenizer.json: model.vocab`. */
  readonly where: string;
  readonly expected: string;

  constructor(where: string, expected: string, options: ErrorOptions & { readonly got?: string } = {}) {
    const got = options.got === undefined ? "" : `, got ${options.got}`;
    super("tokenizer_file_invalid", `${where}: expected ${expected}${got}`, options);
    this.where = where;
    this.expected = expected;
  }
}

/** A tokenizer file asks for a component, or an option of one, that this package does not implement. */
export class UnsupportedComponentError extends TokenizerError {
  override readonly name = "UnsupportedComponentError";
  readonly where: string;
  readonly component: string;
  readonly supported: readonly string[];

  constructor(where: string, component: string, supported: readonly string[]) {
    super(
      "tokenizer_component_unsupported",
      `${where}: ${component} is not supported (supported: ${supported.join(", ")})`,
    );
    this.where = where;
    this.component = component;
    this.supported = supported;
  }
}

/** An id that was given by a caller is not one of the vocabulary's. */
export class TokenIdError extends TokenizerError {
  override readonly name = "TokenIdError";
  readonly id: unknown;
  readonly index: number;
  readonly maxId: number;

  constructor(id: unknown, index: number, maxId: number) {
    super(
      "token_id_invalid",
      `token id at index ${index}: expected an integer of the vocabulary from 0 to ${maxId}, got ${describe(id)}`,
    );
    this.id = id;
    this.index = index;
    this.maxId = maxId;
  }
}

/** The truncation that was asked for cannot be done on this input. */
export class TruncationError extends TokenizerError {
  override readonly name = "TruncationError";

  constructor(message: string) {
    super("truncation_impossible", message);
  }
}

/** The data or the options given to vocabulary training are unusable. */
export class VocabularyTrainingError extends TokenizerError {
  override readonly name = "VocabularyTrainingError";

  constructor(message: string, options?: ErrorOptions) {
    super("vocabulary_training_failed", message, options);
  }
}

/** A short description of an untrusted value, for messages. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : `a value of type ${typeof value}`;
}
