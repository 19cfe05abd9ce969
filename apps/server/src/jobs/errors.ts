/** @file What files and jobs refuse, with codes that the error tables of HTTP know (http/errorTables.ts). */

export type RefusalCode =
  | "invalid_input"
  | "unknown_model"
  | "not_found"
  | "in_use"
  | "wrong_state"
  | "payload_too_large"
  | "quota_exceeded"
  | "disk_full"
  | "jobs_unavailable"
  | "overloaded"
  | "client_closed";

/** A request about files, jobs or models that cannot be granted. The message is for the client. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly code: RefusalCode;
  /** The field of the request that is wrong. */
  readonly field: string | null;

  constructor(code: RefusalCode, message: string, facts: { readonly field?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: facts.cause });
    this.code = code;
    this.field = facts.field ?? null;
  }
}
