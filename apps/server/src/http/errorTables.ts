/**
 * @file Every way in which a request can fail, and what each family of routes answers then.
 *
 * `/v1/*` answers as OpenAI does: `{error: {message, type, param, code}}`, all four keys. The native routes answer as
 * text-embeddings-inference does: `{error, error_type}`. An error code without a row in both tables does not compile.
 */

export type ErrorCode =
  | "empty_input"
  | "invalid_input"
  | "invalid_json"
  | "payload_too_large"
  | "unauthorized"
  | "unknown_model"
  | "wrong_task"
  | "model_too_large"
  | "not_found"
  | "in_use"
  | "wrong_state"
  | "quota_exceeded"
  | "disk_full"
  | "jobs_unavailable"
  | "unknown_route"
  | "method_not_allowed"
  | "request_timeout"
  | "headers_too_large"
  | "malformed_request"
  | "overloaded"
  | "not_ready"
  | "stage_unavailable"
  | "stage_failure"
  | "client_closed"
  | "internal";

export type OpenAiError = { readonly status: number; readonly type: string; readonly code: string | null };

export const openAiErrors: Readonly<Record<ErrorCode, OpenAiError>> = {
  empty_input: { status: 400, type: "invalid_request_error", code: null },
  invalid_input: { status: 400, type: "invalid_request_error", code: null },
  invalid_json: { status: 400, type: "invalid_request_error", code: null },
  payload_too_large: { status: 413, type: "invalid_request_error", code: null },
  unauthorized: { status: 401, type: "invalid_request_error", code: "invalid_api_key" },
  unknown_model: { status: 404, type: "invalid_request_error", code: "model_not_found" },
  wrong_task: { status: 400, type: "invalid_request_error", code: "wrong_task" },
  model_too_large: { status: 503, type: "server_error", code: "model_too_large" },
  not_found: { status: 404, type: "invalid_request_error", code: "not_found" },
  in_use: { status: 409, type: "invalid_request_error", code: "in_use" },
  wrong_state: { status: 400, type: "invalid_request_error", code: "wrong_state" },
  quota_exceeded: { status: 413, type: "invalid_request_error", code: "quota_exceeded" },
  disk_full: { status: 507, type: "server_error", code: "disk_full" },
  jobs_unavailable: { status: 503, type: "server_error", code: "jobs_unavailable" },
  unknown_route: { status: 404, type: "invalid_request_error", code: "unknown_url" },
  method_not_allowed: { status: 405, type: "invalid_request_error", code: "method_not_supported" },
  request_timeout: { status: 408, type: "invalid_request_error", code: "request_timeout" },
  headers_too_large: { status: 431, type: "invalid_request_error", code: "headers_too_large" },
  malformed_request: { status: 400, type: "invalid_request_error", code: null },
  overloaded: { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" },
  not_ready: { status: 503, type: "server_error", code: "not_ready" },
  stage_unavailable: { status: 503, type: "server_error", code: "stage_unavailable" },
  stage_failure: { status: 500, type: "server_error", code: "stage_failure" },
  client_closed: { status: 499, type: "invalid_request_error", code: "client_closed" },
  internal: { status: 500, type: "server_error", code: "internal_error" },
};

/** text-embeddings-inference's `ErrorType`, as it is on the wire. */
export const nativeErrorTypes = ["Unhealthy", "Backend", "Overloaded", "Validation", "Tokenizer", "Empty"] as const;
export type NativeErrorType = (typeof nativeErrorTypes)[number];
export type NativeError = { readonly status: number; readonly errorType: NativeErrorType };

export const nativeErrors: Readonly<Record<ErrorCode, NativeError>> = {
  empty_input: { status: 400, errorType: "Empty" },
  invalid_input: { status: 422, errorType: "Validation" },
  invalid_json: { status: 400, errorType: "Validation" },
  payload_too_large: { status: 413, errorType: "Validation" },
  unauthorized: { status: 401, errorType: "Validation" },
  unknown_model: { status: 404, errorType: "Validation" },
  wrong_task: { status: 424, errorType: "Backend" },
  model_too_large: { status: 503, errorType: "Unhealthy" },
  not_found: { status: 404, errorType: "Validation" },
  in_use: { status: 409, errorType: "Validation" },
  wrong_state: { status: 400, errorType: "Validation" },
  quota_exceeded: { status: 413, errorType: "Validation" },
  disk_full: { status: 507, errorType: "Backend" },
  jobs_unavailable: { status: 503, errorType: "Unhealthy" },
  unknown_route: { status: 404, errorType: "Validation" },
  method_not_allowed: { status: 405, errorType: "Validation" },
  request_timeout: { status: 408, errorType: "Validation" },
  headers_too_large: { status: 431, errorType: "Validation" },
  malformed_request: { status: 400, errorType: "Validation" },
  overloaded: { status: 429, errorType: "Overloaded" },
  not_ready: { status: 503, errorType: "Unhealthy" },
  stage_unavailable: { status: 503, errorType: "Unhealthy" },
  stage_failure: { status: 424, errorType: "Backend" },
  client_closed: { status: 499, errorType: "Validation" },
  internal: { status: 500, errorType: "Backend" },
};
