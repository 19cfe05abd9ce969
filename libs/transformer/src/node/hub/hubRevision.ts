/**
 * @file What the hub says about one revision of a model: its commit and its files.
 *
 * The only place that imports @huggingface/hub, and only when the network is needed: `modelInfo` and `listFiles` know
 * the interface and its paging. Requests, tokens and redirects are ours (hubRequest.ts).
 */
import { HubError, TransientError } from "./errors.ts";
import { hubRequest, IdleTimeout, joined, Retries, transient, unexpected } from "./hubRequest.ts";
import type { HubClient } from "./hubRequest.ts";
import { isCommit } from "./modelId.ts";

export type HubFile = {
  readonly path: string;
  readonly size: number;
  /** Hash of the content, and the name of its blob in the cache: SHA-256 for large files (LFS), else git's SHA-1. */
  readonly hash: string;
};

export type HubRevision = { readonly commit: string; readonly files: readonly HubFile[] };

/** More than any repository of one model has; the listing of a hostile server must end. */
const maxFiles = 100_000;
const maxAnswerBytes = 64 * 2 ** 20;

/**
 * Ask the hub for the commit behind `client.revision` and the files in it.
 *
 * @throws HubError `model_unavailable` (with a reason), `unexpected_response`, or the reason of `client.signal`
 */
export async function hubRevision(client: HubClient): Promise<HubRevision> {
  const hub = await import("@huggingface/hub");
  const { id, revision, settings } = client;
  const common = { hubUrl: settings.endpoint, fetch: apiFetch(client) };
  try {
    const commit = isCommit(revision)
      ? revision
      : (await hub.modelInfo({ ...common, name: id, revision, additionalFields: ["sha"] })).sha;
    if (typeof commit !== "string" || !isCommit(commit)) throw new TypeError("no commit in the answer");
    const files: HubFile[] = [];
    const listing = hub.listFiles({ ...common, repo: { type: "model", name: id }, revision: commit, recursive: true });
    for await (const { type, path, size, oid, lfs } of listing) {
      if (type !== "file") continue;
      files.push(checkedFile({ path, size: lfs?.size ?? size, hash: lfs?.oid ?? oid }));
      if (files.length > maxFiles) throw new TypeError(`more than ${maxFiles} files`);
    }
    return { commit, files };
  } catch (error) {
    client.signal?.throwIfAborted();
    if (error instanceof HubError) throw error;
    const found = error instanceof Error ? error.message : String(error);
    throw unexpected(new URL(settings.endpoint), found, { cause: error });
  }
}

function checkedFile(file: { path: unknown; size: unknown; hash: unknown }): HubFile {
  const { path, size, hash } = file;
  const isFile = typeof path === "string" && Number.isSafeInteger(size) && typeof hash === "string";
  if (isFile && Number(size) >= 0 && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash))
    return { path, size: Number(size), hash };
  throw new TypeError("a list of files without path, size or hash");
}

/** `fetch` for the library: with our rules, tried again, and read to the end, so that no failure is left for later. */
function apiFetch(client: HubClient): typeof fetch {
  return async (input, init) => {
    if (typeof input !== "string")
      throw new Error("internal: the hub library asks with something other than an address");
    const retries = new Retries(client, client.limits.apiAttempts);
    const accept = new Headers(init?.headers).get("accept") ?? "application/json";
    for (;;) {
      try {
        return await answer(client, input, accept);
      } catch (error) {
        await retries.wait(error);
      }
    }
  };
}

async function answer(client: HubClient, address: string, accept: string): Promise<Response> {
  using idle = new IdleTimeout(client.limits.idleTimeoutMs);
  const response = await hubRequest(client, address, { headers: { accept }, signal: joined(client, idle) });
  const chunks: Uint8Array[] = [];
  let length = 0;
  await transient(client, async () => {
    for await (const chunk of response.body ?? []) {
      idle.touch();
      length += chunk.length;
      if (length > maxAnswerBytes) throw unexpected(new URL(address), `an answer of more than ${maxAnswerBytes} bytes`);
      chunks.push(chunk);
    }
  });
  const isCut = Number(response.headers.get("content-length") ?? length) !== length;
  if (isCut && !response.headers.has("content-encoding")) throw new TransientError("an answer that was cut");
  return new Response(Buffer.concat(chunks), { status: response.status, headers: response.headers });
}
