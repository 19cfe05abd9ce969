/**
 * @file One GET to the hub, and how often to try again.
 *
 * Redirects are followed by hand, because the token may be shown to the hub's own origin only, and large files come
 * from another one. Every failure is either a TransientError (try again) or final.
 */
import { isSystemError } from "../isSystemError.ts";
import { HubError, modelUnavailable, TransientError } from "./errors.ts";
import type { UnavailableReason } from "./errors.ts";
import type { HubSettings } from "./hubSettings.ts";
import { pause } from "./pause.ts";

export type NetworkLimits = {
  /** Tries of one file without any progress between them. */
  readonly attempts: number;
  /** Tries of one question to the hub's interface. */
  readonly apiAttempts: number;
  /** Wait before the second try; doubles with each further one up to 16 times this. */
  readonly retryDelayMs: number;
  /** Longest wait that a server may ask for. */
  readonly maxRetryAfterMs: number;
  /** Longest time without an answer or a byte. */
  readonly idleTimeoutMs: number;
};

export const defaultLimits: NetworkLimits = {
  attempts: 5,
  apiAttempts: 3,
  retryDelayMs: 500,
  maxRetryAfterMs: 120_000,
  idleTimeoutMs: 30_000,
};

/** What a conversation about one model needs. */
export type HubClient = {
  readonly id: string;
  readonly revision: string;
  readonly settings: HubSettings;
  readonly token: string | undefined;
  readonly limits: NetworkLimits;
  readonly signal: AbortSignal | undefined;
};

const maxRedirects = 10;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);
const transientStatuses = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * GET an address; follow redirects.
 *
 * @param request - `signal` ends the request and the reading of its body
 * @returns an answer with status 2xx or 416; its body is not read yet
 * @throws TransientError, HubError, or the reason of `client.signal`
 */
export async function hubRequest(
  client: HubClient,
  address: string,
  request: { readonly headers?: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<Response> {
  let url = new URL(address);
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await transient(client, () =>
      fetch(url, { redirect: "manual", headers: headersFor(client, url, request.headers), signal: request.signal }),
    );
    if (!redirectStatuses.has(response.status)) return checked(client, url, response);
    await discard(response);
    url = redirected(url, response.headers.get("location"));
  }
  throw unexpected(url, `more than ${maxRedirects} redirects`);
}

/** Run network code; what it throws becomes a TransientError, or the reason of the caller's own signal. */
export async function transient<T>(client: HubClient, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    client.signal?.throwIfAborted();
    if (error instanceof HubError || error instanceof TransientError) throw error;
    throw new TransientError(describe(error), {}, { cause: error });
  }
}

/** Counts tries and waits between them. */
export class Retries {
  readonly #client: HubClient;
  readonly #attempts: number;
  #failures = 0;

  constructor(client: HubClient, attempts: number) {
    this.#client = client;
    this.#attempts = attempts;
  }

  /** Progress was made: count from the beginning. */
  reset(): void {
    this.#failures = 0;
  }

  /** Wait until the next try. Throws `error` when it is final, and HubError `model_unavailable` when no try is left. */
  async wait(error: unknown): Promise<void> {
    if (!(error instanceof TransientError)) throw error;
    this.#failures++;
    const { limits, signal } = this.#client;
    const asked = error.retryAfterMs ?? 0;
    if (this.#failures >= this.#attempts || asked > limits.maxRetryAfterMs) throw exhausted(this.#client, error);
    const backoff = limits.retryDelayMs * 2 ** Math.min(this.#failures - 1, 4);
    const jittered = backoff * (0.75 + Math.random() / 2);
    await pause(Math.max(asked, jittered), signal);
  }
}

/** Aborts when nothing has happened for a while. */
export class IdleTimeout implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(timeoutMs: number) {
    this.#timer = setTimeout(() => {
      this.#controller.abort(new TransientError(`nothing arrived for ${timeoutMs} ms`));
    }, timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something has happened. */
  touch(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** A signal that ends with the caller's or with the timeout. */
export function joined(client: HubClient, idle: IdleTimeout): AbortSignal {
  return client.signal ? AbortSignal.any([client.signal, idle.signal]) : idle.signal;
}

export function unexpected(url: URL, found: string, options?: ErrorOptions): HubError {
  return new HubError(
    {
      code: "unexpected_response",
      message:
        `${url.origin}: expected an answer as the Hugging Face hub gives it, got ${found} ` +
        `(check HF_ENDPOINT, and whether a proxy answers)`,
    },
    options,
  );
}

/** Free the connection of an answer whose body nobody wants. That the body failed already does not matter then. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

function headersFor(
  client: HubClient,
  url: URL,
  headers: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const isHub = url.origin === new URL(client.settings.endpoint).origin;
  // Sizes, ranges and checksums are those of the file, so no compression.
  const sent: Record<string, string> = { "user-agent": "stagecoach", "accept-encoding": "identity", ...headers };
  if (isHub && client.token !== undefined) sent["authorization"] = `Bearer ${client.token}`;
  return sent;
}

function redirected(from: URL, location: string | null): URL {
  if (location === null || !URL.canParse(location, from.href)) throw unexpected(from, "a redirect without an address");
  const to = new URL(location, from.href);
  const isDowngrade = from.protocol === "https:" && to.protocol !== "https:";
  if (isDowngrade || !["http:", "https:"].includes(to.protocol)) {
    throw unexpected(from, `a redirect from ${from.protocol} to ${to.protocol}`);
  }
  return to;
}

async function checked(client: HubClient, url: URL, response: Response): Promise<Response> {
  const { status } = response;
  if (response.ok || status === 416) return response;
  await discard(response);
  const answer = `HTTP ${status} from ${url.origin}`;
  const isHub = url.origin === new URL(client.settings.endpoint).origin;
  // A storage server that says 403 means that its signed address is out of date: the hub gives a new one.
  if (transientStatuses.has(status) || !isHub) {
    throw new TransientError(answer, { status, retryAfterMs: retryAfterMs(response.headers) });
  }
  const errorCode = response.headers.get("x-error-code");
  const { reason, found } = refusal({ status, errorCode, hasToken: client.token !== undefined });
  throw unavailable(client, { reason, found: `${found} (${answer}${errorCode ? `, ${errorCode}` : ""})`, status });
}

function refusal(answer: { status: number; errorCode: string | null; hasToken: boolean }): {
  reason: UnavailableReason;
  found: string;
} {
  const { status, errorCode, hasToken } = answer;
  if (errorCode === "RevisionNotFound") return { reason: "revision_not_found", found: "no such revision on the hub" };
  if (errorCode === "GatedRepo") return { reason: "gated", found: "a gated model without access to it" };
  if (status === 401 || status === 403) {
    const missing = "no access: the hub does not say whether the model is private or does not exist";
    return {
      reason: "unauthorized",
      found: hasToken ? `${missing}, and the token is refused` : `${missing}, and no token is set`,
    };
  }
  if (status === 404) return { reason: "not_found", found: "no model of this name on the hub, or a private one" };
  return { reason: "network", found: "a refusal by the hub" };
}

/**
 * Milliseconds that a server asks to wait: Retry-After (seconds or a date), else the hub's RateLimit
 * (`"api";r=0;t=55`).
 */
function retryAfterMs(headers: Headers): number | undefined {
  const asked =
    headers.get("retry-after") ?? /;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1];
  if (asked === undefined) return undefined;
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function exhausted(client: HubClient, error: TransientError): HubError {
  const waits =
    error.retryAfterMs === undefined ? "" : `, which asks to wait ${Math.ceil(error.retryAfterMs / 1000)} s`;
  const found = `a network failure: ${error.message}${waits}`;
  return unavailable(
    client,
    { reason: "network", found, ...(error.status === undefined ? {} : { status: error.status }) },
    error,
  );
}

function unavailable(
  client: HubClient,
  facts: { readonly reason: UnavailableReason; readonly found: string; readonly status?: number },
  cause?: unknown,
): HubError {
  const { id, revision, settings } = client;
  return modelUnavailable(
    { id, revision, ...facts, endpoint: settings.endpoint, cacheFolder: settings.cacheFolder },
    { cause },
  );
}

/** What fetch hides in its cause: `ECONNREFUSED`, a certificate's fault, a socket that was closed. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  if (isSystemError(cause)) return cause.message || (cause.code ?? error.message);
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
