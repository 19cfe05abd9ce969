/**
 * @file Requests to the gateway that serves this page, with the API key where one is needed.
 *
 * Errors of both families of routes (OpenAI's, text-embeddings-inference's) become one `ApiError`.
 */
import { apiKey, keyWasRefused } from "./apiKey.ts";

/** An answer that is an error: the server's own sentence. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Call = {
  readonly method?: "GET" | "POST";
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
};

/** @throws ApiError when the answer is not 2xx; TypeError when there is none */
export async function request(
  path: string,
  { method, json, headers: given = {}, signal }: Call = {},
): Promise<Response> {
  const headers = new Headers(given);
  const key = apiKey.get();
  if (key !== null) headers.set("authorization", `Bearer ${key}`);
  if (json !== undefined) headers.set("content-type", "application/json");
  const body = json === undefined ? null : JSON.stringify(json);
  const response = await fetch(path, {
    method: method ?? (body === null ? "GET" : "POST"),
    headers,
    body,
    ...(signal === undefined ? {} : { signal }),
  }).catch((cause: unknown) => {
    if (signal?.aborted === true) throw cause;
    throw new TypeError("The server does not answer. Is it still running?", { cause });
  });
  if (response.ok) return response;
  if (response.status === 401) keyWasRefused(key);
  throw new ApiError(response.status, messageOf(await response.text(), response));
}

/** The answer's JSON. @throws ApiError */
export async function call<Answer>(path: string, options: Call = {}): Promise<Answer> {
  return (await (await request(path, options)).json()) as Answer;
}

/** `{error: {message}}` of OpenAI's routes, `{error}` of the others, or whatever came. */
export function messageOf(text: string, { status, statusText }: Pick<Response, "status" | "statusText">): string {
  try {
    const { error } = JSON.parse(text) as { error?: string | { message?: string } };
    const message = typeof error === "object" ? error.message : error;
    if (message !== undefined) return message;
  } catch {
    // Not of this server: a proxy's page.
  }
  return text === "" || text.length > 300 ? `${status} ${statusText}` : text;
}
