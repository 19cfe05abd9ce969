/** @file A problem as the body and status that clients of a family of routes expect. */
import { nativeErrors, openAiErrors } from "./errorTables.ts";
import type { HttpProblem } from "./httpProblem.ts";
import type { RouteFamily } from "./route.ts";

export type ErrorAnswer = { readonly status: number; readonly body: object };

export function errorAnswer({ code, message, field }: HttpProblem, family: RouteFamily): ErrorAnswer {
  if (family === "openai") {
    const { status, type, code: openAiCode } = openAiErrors[code];
    return { status, body: { error: { message, type, param: field, code: openAiCode } } };
  }
  const { status, errorType } = nativeErrors[code];
  return { status, body: { error: message, error_type: errorType } };
}

/** Whose shapes an answer has where no route says it. */
export function familyOfPath(path: string): RouteFamily {
  return path === "/v1" || path.startsWith("/v1/") ? "openai" : "native";
}
