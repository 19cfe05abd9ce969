/**
 * @file From what a user calls a model (a folder, or a name on the hub) to a folder with its files.
 *
 * Order: the model of this package, by its exact name; a folder of that name; a complete copy in the cache, without
 * asking the network; the hub. A branch that was cached once is therefore not updated by itself: `refresh` asks the hub
 * what it points to now. (Python's client asks each time.)
 */
import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, resolve } from "node:path";
import { isSystemError } from "../isSystemError.ts";
import { PACKAGED_MODEL, packagedModelFolder } from "../packagedModel.ts";
import { downloadSnapshot } from "./downloadSnapshot.ts";
import type { DownloadProgress } from "./downloadSnapshot.ts";
import { HubError, modelUnavailable } from "./errors.ts";
import { HubCache } from "./hubCache.ts";
import type { CachedSnapshot } from "./hubCache.ts";
import { defaultLimits } from "./hubRequest.ts";
import type { HubClient, NetworkLimits } from "./hubRequest.ts";
import { expandPath, hubSettings, readToken } from "./hubSettings.ts";
import type { Environment, HubSettings } from "./hubSettings.ts";
import { missingModelFiles } from "./modelFiles.ts";
import { checkModelId, checkRevision, looksLikeFolder } from "./modelId.ts";

export type ResolveModelOptions = {
  /** Branch, tag or commit; default `main`. */
  readonly revision?: string | undefined;
  /** Default: HF_TOKEN, else the token file of `hf auth login`. */
  readonly token?: string | undefined;
  /** Default: HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string | undefined;
  /** Never ask the network. Default: HF_HUB_OFFLINE. */
  readonly offline?: boolean | undefined;
  /**
   * Default: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub,
   * ~/.cache/huggingface/hub.
   */
  readonly cacheFolder?: string | undefined;
  /** Ask the hub what a branch points to now, also when a copy is in the cache. */
  readonly refresh?: boolean | undefined;
  /** Stops at once; what has arrived is kept for the next time. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Told when the hub could not be asked and the copy in the cache is used. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Default: `process.env`. */
  readonly env?: Environment | undefined;
  /** What relative folders are relative to. Default: the working folder of the process. */
  readonly workingFolder?: string | undefined;
  readonly limits?: Partial<NetworkLimits> | undefined;
  /** A folder without weights will do as well: a model that is to be trained from scratch. */
  readonly fromScratch?: boolean | undefined;
};

export type ResolvedModel = {
  /** Absolute path. The files in a cache's folder are links. */
  readonly folder: string;
  /** Name on the hub or of the packaged model, or the last part of the folder's path. */
  readonly id: string;
  /** Commit; null for a folder and for the packaged model. */
  readonly revision: string | null;
  readonly source: "package" | "folder" | "cache" | "download";
};

const NO_REVISIONS = "a folder has no revisions: leave the revision out";

/**
 * Find a model, and download it when it is not here.
 *
 * @param idOrFolder - PACKAGED_MODEL; a folder; or `name` or `organization/name` on the hub. A folder wins over the hub,
 *   and over the packaged model only when it is written as a path
 * @throws HubError (see HubErrorCode), SafetensorsError when an index of shards is damaged, or the reason of `signal`
 */
export async function resolveModel(idOrFolder: string, options: ResolveModelOptions = {}): Promise<ResolvedModel> {
  const env = options.env ?? process.env;
  const { workingFolder = process.cwd(), fromScratch = false } = options;
  if (idOrFolder === PACKAGED_MODEL) {
    if (options.revision) throw folderError(packagedModelFolder, `${NO_REVISIONS} (it is a part of this package)`);
    return { folder: packagedModelFolder, id: PACKAGED_MODEL, revision: null, source: "package" };
  }
  const found = await findFolder(idOrFolder, { env, workingFolder, fromScratch });
  if (found && options.revision) throw folderError(found.folder, NO_REVISIONS);
  if (found) return found;

  const revision = options.revision || "main";
  checkModelId(idOrFolder);
  checkRevision(revision);
  const settings = hubSettings(env, options);
  const cache = new HubCache(settings.cacheFolder, idOrFolder);
  const cached = await cache.find(revision);
  const fromCache = cached && cached.state !== "incomplete" ? resolvedFrom(idOrFolder, cached) : undefined;
  if (fromCache && ((cached?.state === "complete" && !options.refresh) || settings.isOffline)) return fromCache;
  if (settings.isOffline) throw offlineError({ id: idOrFolder, revision, settings }, cached);

  const { signal, onProgress } = options;
  const token = await readToken(env, settings, options.token);
  const limits = { ...defaultLimits, ...options.limits };
  const client: HubClient = { id: idOrFolder, revision, settings, token, limits, signal };
  try {
    const { folder, commit, isDownloaded } = await downloadSnapshot({ client, cache, onProgress });
    return { folder, id: idOrFolder, revision: commit, source: isDownloaded ? "download" : "cache" };
  } catch (error) {
    const isUnavailable = error instanceof HubError && error.code === "model_unavailable";
    if (!fromCache || !isUnavailable || error.reason === "revision_not_found") throw error;
    options.onWarning?.(
      `${idOrFolder}: the copy in the cache is used, because the hub could not be asked: ${firstLine(error)}`,
    );
    return fromCache;
  }
}

/** The folder that is meant, or undefined when a name on the hub is meant. */
async function findFolder(
  text: string,
  where: { readonly env: Environment; readonly workingFolder: string; readonly fromScratch: boolean },
): Promise<ResolvedModel | undefined> {
  const home = where.env["HOME"] || where.env["USERPROFILE"] || homedir();
  const folder = resolve(where.workingFolder, text.startsWith("~") ? expandPath(text, {}, home) : text);
  if (text === "" || !(await isFolder(folder))) {
    if (text === "" || !looksLikeFolder(text)) return undefined;
    throw folderError(folder, "no such folder (check the path; a model on the hub is named organization/name)");
  }
  const missing = await missingModelFiles(folder, { tokenizer: false, weights: !where.fromScratch });
  if (missing.length > 0) {
    const hint = looksLikeFolder(text)
      ? ""
      : `; the folder wins over the hub's model ${text}: rename it if you want that`;
    throw folderError(folder, `a folder without ${missing.join(", ")} (add what is missing${hint})`);
  }
  return { folder, id: basename(folder), revision: null, source: "folder" };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "ENAMETOOLONG")) return false;
    throw error;
  }
}

function folderError(folder: string, found: string): HubError {
  return new HubError({
    code: "model_folder_invalid",
    message: `${folder}: expected a folder with config.json, model.safetensors and tokenizer.json, got ${found}`,
  });
}

function resolvedFrom(id: string, cached: CachedSnapshot): ResolvedModel {
  return { folder: cached.folder, id, revision: cached.commit, source: "cache" };
}

function offlineError(
  asked: { readonly id: string; readonly revision: string; readonly settings: HubSettings },
  cached: CachedSnapshot | undefined,
): HubError {
  const { endpoint, cacheFolder } = asked.settings;
  const here = cached ? `a copy in the cache without ${cached.missing.join(", ")}` : "no copy in the cache";
  const { id, revision } = asked;
  return modelUnavailable({
    id,
    revision,
    reason: "offline",
    found: `${here}, and offline was asked for`,
    endpoint,
    cacheFolder,
  });
}

function firstLine(error: Error): string {
  return error.message.split("\n", 1)[0] ?? "";
}
