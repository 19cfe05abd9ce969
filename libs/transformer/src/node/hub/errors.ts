/** @file Errors of finding and downloading models. */

/**
 * What went wrong, for programs:
 * - `model_unavailable`: neither in the cache nor to be had from the hub; `reason` says why
 * - `model_without_safetensors`: the repository holds weights in other formats only
 * - `model_folder_invalid`: the given folder is missing or holds no model
 * - `invalid_model_id`, `invalid_hub_setting`: an id, revision, endpoint or token that cannot be one
 * - `unsafe_file_name`: the repository names a file outside its folder
 * - `unexpected_response`: what answered is no hub
 * - `download_corrupt`: a file's bytes are not those that the hub announced, twice
 * - `disk_full`, `cache_not_writable`: the cache folder cannot take the model
 */
export type HubErrorCode =
  | "model_unavailable"
  | "model_without_safetensors"
  | "model_folder_invalid"
  | "invalid_model_id"
  | "invalid_hub_setting"
  | "unsafe_file_name"
  | "unexpected_response"
  | "download_corrupt"
  | "disk_full"
  | "cache_not_writable";

export type UnavailableReason = "offline" | "not_found" | "revision_not_found" | "unauthorized" | "gated" | "network";

export type HubErrorFacts = {
  readonly code: HubErrorCode;
  readonly message: string;
  readonly reason?: UnavailableReason;
  /** HTTP status, when a server's answer was the cause. */
  readonly status?: number;
};

/** A model that cannot be had as asked. Messages never hold the token. */
export class HubError extends Error {
  override readonly name = "HubError";
  readonly code: HubErrorCode;
  readonly reason: UnavailableReason | undefined;
  readonly status: number | undefined;

  constructor(facts: HubErrorFacts, options?: ErrorOptions) {
    super(facts.message, options);
    this.code = facts.code;
    this.reason = facts.reason;
    this.status = facts.status;
  }
}

/** A failure that may pass: a connection that was refused or cut, a server that is busy. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  /** How long the server asks to wait. */
  readonly retryAfterMs: number | undefined;
  readonly status: number | undefined;

  constructor(
    message: string,
    facts: { readonly retryAfterMs?: number | undefined; readonly status?: number } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.retryAfterMs = facts.retryAfterMs;
    this.status = facts.status;
  }
}

export type UnavailableFacts = {
  readonly id: string;
  readonly revision: string;
  readonly reason: UnavailableReason;
  /** What happened, as a clause that follows "got". */
  readonly found: string;
  readonly endpoint: string;
  readonly cacheFolder: string;
  readonly status?: number;
};

const thirdWay: Record<UnavailableReason, (facts: UnavailableFacts) => string> = {
  offline: () => "Allow the network: unset HF_HUB_OFFLINE (and TRANSFORMERS_OFFLINE), or drop the offline option.",
  not_found: ({ endpoint }) =>
    `Check the spelling of the name (organization/model). A private model needs a token: set HF_TOKEN. ` +
    `A mirror that has the model: set HF_ENDPOINT (now ${endpoint}).`,
  revision_not_found: ({ endpoint, id }) =>
    `Check the revision: a branch, a tag or a commit that ${endpoint}/${id}/commits/main lists; the default is main.`,
  unauthorized: ({ endpoint }) =>
    `Set HF_TOKEN to a token with read access to the model (made at ${endpoint}/settings/tokens), or check the one that is set.`,
  gated: ({ endpoint, id }) =>
    `Accept the model's terms at ${endpoint}/${id} and set HF_TOKEN to a token of the same account.`,
  network: ({ endpoint }) =>
    `Check the network. A mirror: set HF_ENDPOINT (now ${endpoint}). A proxy: set HTTPS_PROXY and NODE_USE_ENV_PROXY=1. ` +
    `A certificate of your own: NODE_EXTRA_CA_CERTS. A rate limit: HF_TOKEN raises it.`,
};

/** The one text for a model that is not here and cannot be fetched, with the three ways out. */
export function modelUnavailable(facts: UnavailableFacts, options?: ErrorOptions): HubError {
  const { id, revision, reason, found, cacheFolder, status } = facts;
  const lines = [
    `${id}: expected the model in the cache or on the hub (revision ${revision}), got ${found}. Ways out:`,
    "  1. Give a folder: --model ./path/to/model, with config.json, model.safetensors and tokenizer.json (or vocab.txt) in it",
    "     (of a sentence-transformers model also modules.json and 1_Pooling/config.json).",
    `  2. Bring the cache: run \`hf download ${id}\` on a machine with access, copy its cache folder to ${cacheFolder}`,
    "     (with its links: cp -a), or set HF_HUB_CACHE to where it lies.",
    `  3. ${thirdWay[reason](facts)}`,
  ];
  return new HubError(
    { code: "model_unavailable", message: lines.join("\n"), reason, ...(status === undefined ? {} : { status }) },
    options,
  );
}
