/**
 * @file A hub on loopback for tests: the interface and the storage server as two origins, and faults on demand.
 *
 * Answers as huggingface.co does, as far as the client looks at it: `/api/models/{id}/revision/{rev}`,
 * `/api/models/{id}/tree/{commit}` in pages with a Link header, `/{id}/resolve/{rev}/{path}`, which redirects large
 * files to the storage server; X-Error-Code.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What goes wrong with one answer about a file. */
export type Fault =
  | { readonly kind: "cut"; readonly afterBytes: number; readonly ignoresRange?: boolean }
  | { readonly kind: "corrupt" }
  | { readonly kind: "ignoreRange" }
  | { readonly kind: "wrongRange" }
  | { readonly kind: "stall"; readonly afterBytes: number }
  | { readonly kind: "slow"; readonly chunkBytes: number; readonly everyMs: number }
  | { readonly kind: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: "redirect"; readonly location: string };

export type SeenRequest = {
  readonly server: "hub" | "storage";
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
};

export type FakeModel = {
  readonly id: string;
  readonly commit: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
};

/** Files of this type live on the storage server and are named by SHA-256. */
const isLarge = (path: string) => path.endsWith(".safetensors");
const pageSize = 3;
/**
 * Time for the client to read what it has before its connection is cut: bytes that wait in its buffers are lost then.
 */
const readingMs = 30;

export class FakeHub implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  /** Answers the next requests for a path, in order. */
  readonly faults = new Map<string, Fault[]>();
  /** Answers every request for a path that has no fault of its own left. */
  readonly lastingFaults = new Map<string, Fault>();
  /** Announced in the listing instead of the true size. */
  readonly announcedSizes = new Map<string, number>();
  /** Where the listing says that its next page is; by default here. */
  nextPageOrigin: string | undefined;
  /** Revisions besides `main` and the commit. */
  readonly revisions = new Set<string>();
  /** What the interface answers instead of the model; a function may look at the request. */
  refuse: ((request: SeenRequest) => { status: number; errorCode?: string } | undefined) | undefined;
  model: FakeModel;
  /** Stay as they are when the hub has stopped. */
  endpoint = "";
  storageOrigin = "";
  readonly #hub: Server;
  readonly #storage: Server;

  private constructor(model: FakeModel) {
    this.model = model;
    this.#hub = createServer((request, response) => void this.#answerHub(request, response));
    this.#storage = createServer((request, response) => void this.#answerStorage(request, response));
  }

  static async start(model: FakeModel): Promise<FakeHub> {
    const hub = new FakeHub(model);
    for (const server of [hub.#hub, hub.#storage]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    hub.endpoint = originOf(hub.#hub);
    hub.storageOrigin = originOf(hub.#storage);
    return hub;
  }

  /** Requests for the bytes of a file, from the server that has them. */
  fetchesOf(path: string): readonly SeenRequest[] {
    const { id, commit } = this.model;
    const place = isLarge(path) ? `/signed/${path}` : `/${id}/resolve/${commit}/${path}`;
    return this.requests.filter((seen) => seen.path === place);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    }
  }

  #note(server: SeenRequest["server"], request: IncomingMessage): SeenRequest {
    const { authorization, range } = request.headers;
    const path = decodeURIComponent(new URL(request.url ?? "", "http://x").pathname);
    const seen = { server, path, authorization, range };
    this.requests.push(seen);
    return seen;
  }

  async #answerHub(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = this.#note("hub", request);
    const refusal = this.refuse?.(seen);
    if (refusal) return refuse(response, refusal);
    const { id, commit } = this.model;
    const api = `/api/models/${id}/`;
    const isKnown = (revision: string) => ["main", commit].includes(revision) || this.revisions.has(revision);
    if (seen.path.startsWith(`${api}revision/`)) {
      if (!isKnown(seen.path.slice(`${api}revision/`.length)))
        return refuse(response, { status: 404, errorCode: "RevisionNotFound" });
      return sendJson(response, {
        _id: "0",
        id,
        sha: commit,
        private: false,
        gated: false,
        lastModified: "2026-01-01T00:00:00.000Z",
      });
    }
    if (seen.path === `${api}tree/${commit}`) return this.#answerTree(request, response);
    const revision = ["main", commit].find((name) => seen.path.startsWith(`/${id}/resolve/${name}/`));
    const path = seen.path.slice(`/${id}/resolve/${revision}/`.length);
    if (revision === undefined) return refuse(response, { status: 404, errorCode: "RepoNotFound" });
    if (!(path in this.model.files)) return refuse(response, { status: 404, errorCode: "EntryNotFound" });
    if (!isLarge(path)) return this.#sendFile(path, seen, response);
    const bytes = bytesOf(this.model.files[path] ?? "");
    const linked = { "x-linked-etag": `"${sha256(bytes)}"`, "x-linked-size": bytes.length, "x-repo-commit": commit };
    const location = `${this.storageOrigin}/signed/${encodeURIComponent(path)}`;
    response.writeHead(302, { ...linked, location }).end();
  }

  async #answerStorage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = this.#note("storage", request);
    return this.#sendFile(seen.path.slice("/signed/".length), seen, response);
  }

  #answerTree(request: IncomingMessage, response: ServerResponse): void {
    const entries = Object.entries(this.model.files).map(([path, content]) => {
      const bytes = bytesOf(content);
      const size = this.announcedSizes.get(path) ?? bytes.length;
      const file = { type: "file", path, size, oid: gitHash(bytes) };
      return isLarge(path) ? { ...file, lfs: { oid: sha256(bytes), size, pointerSize: 130 } } : file;
    });
    const cursor = Number(new URL(request.url ?? "", "http://x").searchParams.get("cursor") ?? 0);
    const listed = [{ type: "directory", path: "onnx", size: 0, oid: gitHash(new Uint8Array()) }, ...entries];
    const page = `/api/models/${this.model.id}/tree/${this.model.commit}?recursive=true&cursor=${cursor + pageSize}`;
    const next = `${this.nextPageOrigin ?? this.endpoint}${page}`;
    if (cursor + pageSize < listed.length) response.setHeader("link", `<${next}>; rel="next"`);
    sendJson(response, listed.slice(cursor, cursor + pageSize));
  }

  async #sendFile(path: string, seen: SeenRequest, response: ServerResponse): Promise<void> {
    const fault = this.faults.get(path)?.shift() ?? this.lastingFaults.get(path);
    if (fault?.kind === "status") return void response.writeHead(fault.status, { ...fault.headers }).end("no");
    if (fault?.kind === "redirect") return void response.writeHead(302, { location: fault.location }).end();
    const bytes = Uint8Array.from(bytesOf(this.model.files[path] ?? ""));
    if (fault?.kind === "corrupt") bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    const ignoresRange = fault?.kind === "ignoreRange" || (fault?.kind === "cut" && fault.ignoresRange);
    const begin = ignoresRange ? 0 : Number(/^bytes=(\d+)-$/.exec(seen.range ?? "")?.[1] ?? 0);
    if (begin > 0 && begin >= bytes.length) {
      return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    }
    const named = fault?.kind === "wrongRange" ? begin + 1 : begin;
    const range = { "content-range": `bytes ${named}-${bytes.length - 1}/${bytes.length}` };
    if (!isLarge(path)) response.setHeader("x-repo-commit", this.model.commit).setHeader("etag", `"${gitHash(bytes)}"`);
    response.writeHead(begin > 0 ? 206 : 200, { "content-length": bytes.length - begin, ...(begin > 0 ? range : {}) });
    await sendBody(response, bytes.subarray(begin), fault);
  }
}

async function sendBody(response: ServerResponse, bytes: Uint8Array, fault: Fault | undefined): Promise<void> {
  if (fault?.kind === "cut") {
    response.write(bytes.subarray(0, fault.afterBytes));
    await sleep(readingMs);
    return void response.destroy();
  }
  if (fault?.kind === "stall") return void response.write(bytes.subarray(0, fault.afterBytes));
  if (fault?.kind !== "slow") return void response.end(bytes);
  for (let at = 0; at < bytes.length && !response.destroyed; at += fault.chunkBytes) {
    response.write(bytes.subarray(at, at + fault.chunkBytes));
    await sleep(fault.everyMs);
  }
  response.end();
}

function refuse(response: ServerResponse, refusal: { status: number; errorCode?: string }): void {
  const headers: Record<string, string> = refusal.errorCode === undefined ? {} : { "x-error-code": refusal.errorCode };
  response.writeHead(refusal.status, headers).end("refused");
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

export function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

export function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
