/** @file Errors of the safetensors reader and writer. */

/**
 * What went wrong, for programs:
 * - `safetensors_invalid`: the bytes break the format
 * - `safetensors_truncated`: the file is shorter than its header says
 * - `weights_not_found`: no checkpoint where one was looked for
 * - `weights_closed`: a read after `close()`
 * - `tensor_not_found`: the checkpoint has no tensor of that name
 * - `dtype_unsupported`: valid in the format, not convertible to what was asked for
 * - `value_out_of_range`: a value does not fit the type that was asked for
 */
export type SafetensorsErrorCode =
  | "safetensors_invalid"
  | "safetensors_truncated"
  | "weights_not_found"
  | "weights_closed"
  | "tensor_not_found"
  | "dtype_unsupported"
  | "value_out_of_range";

export type SafetensorsErrorFacts = {
  readonly code: SafetensorsErrorCode;
  /** File name or path as the caller gave it. */
  readonly file: string;
  readonly tensor?: string;
  readonly expected: string;
  readonly found: string;
  readonly remedy: string;
};

/** A checkpoint that cannot be used as it is. */
export class SafetensorsError extends Error {
  override readonly name = "SafetensorsError";
  readonly code: SafetensorsErrorCode;
  readonly file: string;
  readonly tensor: string | undefined;
  readonly expected: string;
  readonly found: string;
  readonly remedy: string;

  constructor(facts: SafetensorsErrorFacts, options?: ErrorOptions) {
    const where = facts.tensor === undefined ? facts.file : `${facts.file}: tensor ${quoted(facts.tensor)}`;
    super(`${where}: expected ${facts.expected}, got ${facts.found} (${facts.remedy})`, options);
    this.code = facts.code;
    this.file = facts.file;
    this.tensor = facts.tensor;
    this.expected = facts.expected;
    this.found = facts.found;
    this.remedy = facts.remedy;
  }
}

const maxQuotedChars = 120;

/** Text from a file, made safe to print: quoted, escaped, cut at 120 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > maxQuotedChars ? `${text.slice(0, maxQuotedChars)}...` : text);
}
