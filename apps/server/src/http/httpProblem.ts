/** @file Any error as a problem of a request: its code, its message for the client, and headers that go with it. */
import { OverloadedError, StageFailureError, StageLostError, StageUnavailableError } from "@stagecoach/parallel";
import { TokenizerError } from "@stagecoach/tokenizer";
import { AdapterError } from "@stagecoach/transformer";
import { EmptyInputError, InvalidInputError } from "../embedding/errors.ts";
import { RefusedError } from "../jobs/errors.ts";
import { isOutOfRoom, UnknownCursorError } from "../store/errors.ts";
import type { ErrorCode } from "./errorTables.ts";

/** A request that HTTP itself can't serve: no such route, no key, no JSON. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly code: ErrorCode;
  /** The field that is wrong. */
  readonly field: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    facts: {
      readonly field?: string | null;
      readonly headers?: Readonly<Record<string, string>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: facts.cause });
    this.code = code;
    this.field = facts.field ?? null;
    this.headers = facts.headers ?? {};
  }
}

/** Errors of the layers below, by what they mean to a client. What nobody expected becomes `internal`, without its details. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof EmptyInputError)
    return new HttpProblem("empty_input", error.message, { field: error.field, cause: error });
  if (error instanceof InvalidInputError)
    return new HttpProblem("invalid_input", error.message, { field: error.field, cause: error });
  if (error instanceof RefusedError) {
    // OpenAI's clients repeat what is answered with 409 and 5xx, unless told.
    const headers: Record<string, string> = {
      ...(["in_use", "disk_full"].includes(error.code) ? { "x-should-retry": "false" } : {}),
      ...(error.code === "overloaded" ? { "retry-after": "1" } : {}),
    };
    return new HttpProblem(error.code, error.message, { field: error.field, headers, cause: error });
  }
  if (isOutOfRoom(error)) {
    const message = "the server's disk is full: nothing was changed (ask whoever runs this server to free some room)";
    return new HttpProblem("disk_full", message, { headers: { "x-should-retry": "false" }, cause: error });
  }
  if (error instanceof UnknownCursorError)
    return new HttpProblem("invalid_input", error.message, { field: "after", cause: error });
  if (error instanceof TokenizerError) return new HttpProblem("invalid_input", error.message, { cause: error });
  if (error instanceof OverloadedError) {
    const headers = { "retry-after": String(error.retryAfterSeconds) };
    return new HttpProblem("overloaded", `Model is overloaded: ${error.message}`, { headers, cause: error });
  }
  if (error instanceof StageUnavailableError) {
    return new HttpProblem("stage_unavailable", error.message, { headers: { "retry-after": "1" }, cause: error });
  }
  if (error instanceof StageLostError) {
    return new HttpProblem("stage_unavailable", error.message, { headers: { "retry-after": "1" }, cause: error });
  }
  if (error instanceof StageFailureError) return new HttpProblem("stage_failure", error.message, { cause: error });
  if (error instanceof AdapterError) {
    // Its own message has folders of this machine.
    const message =
      "the base that this model's adapter was trained on is gone, or has other weights now; the server's log has it under this request's id";
    return new HttpProblem("stage_failure", message, { headers: { "x-should-retry": "false" }, cause: error });
  }
  // The router's own, for a parameter in the path.
  if (error instanceof URIError)
    return new HttpProblem("malformed_request", "the path has a % that is not followed by UTF-8 in two digits each", {
      cause: error,
    });
  return (
    bodyProblemOf(error) ??
    new HttpProblem("internal", "an error that nobody expected; the server's log has it under this request's id", {
      cause: error,
    })
  );
}

/** Errors of express's body parser (body-parser 2, `error.type`); those of unpacking have a status and no type. */
function bodyProblemOf(error: unknown): HttpProblem | null {
  if (!(error instanceof Error) || !("status" in error)) return null;
  const facts = error as Error & { readonly status: unknown; readonly type?: unknown; readonly limit?: number };
  switch (facts.type) {
    case "entity.too.large":
      return new HttpProblem(
        "payload_too_large",
        `the body is larger than this server's limit of ${facts.limit} bytes (send fewer inputs at once)`,
        { cause: error },
      );
    case "entity.parse.failed":
      return new HttpProblem("invalid_json", `the body is not JSON: ${error.message}`, { cause: error });
    case "request.aborted":
    case "request.size.invalid":
      return new HttpProblem("client_closed", "the connection closed before the body was complete", { cause: error });
    case "charset.unsupported":
    case "encoding.unsupported":
    case "stream.encoding.set":
      return new HttpProblem("invalid_json", `the body cannot be read: ${error.message} (send UTF-8 JSON)`, {
        cause: error,
      });
    default:
      if (facts.status !== 400) return null;
      return new HttpProblem("invalid_json", `the body is not what its content-encoding says: ${error.message}`, {
        cause: error,
      });
  }
}
