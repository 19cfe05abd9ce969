/**
 * @file Where the hub and its cache are, from options and environment variables.
 *
 * Follows huggingface_hub 2.4.0 (constants.py, utils/_auth.py): the same variables, defaults and precedence. An empty
 * variable counts as not set. Tokens that refresh themselves (OAuth, OIDC) are not supported.
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { isSystemError } from "../isSystemError.ts";
import { HubError } from "./errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export type HubSettings = {
  /** Without a slash at its end; may have a path. */
  readonly endpoint: string;
  readonly cacheFolder: string;
  readonly isOffline: boolean;
  /** File that `hf auth login` writes. */
  readonly tokenFile: string;
  readonly homeFolder: string;
};

export type HubSettingOptions = {
  readonly endpoint?: string | undefined;
  readonly cacheFolder?: string | undefined;
  readonly offline?: boolean | undefined;
};

const defaultEndpoint = "https://huggingface.co";

/**
 * @param env - usually `process.env`
 * @param options - win over the environment
 * @throws HubError `invalid_hub_setting` when the endpoint is no http or https address
 */
export function hubSettings(env: Environment, options: HubSettingOptions = {}): HubSettings {
  const homeFolder = env["HOME"] || env["USERPROFILE"] || homedir();
  const expand = (path: string) => resolve(expandPath(path, env, homeFolder));
  const hfHome = expand(env["HF_HOME"] || join(env["XDG_CACHE_HOME"] || join(homeFolder, ".cache"), "huggingface"));
  const cacheFolder = options.cacheFolder || env["HF_HUB_CACHE"] || env["HUGGINGFACE_HUB_CACHE"] || join(hfHome, "hub");
  return {
    endpoint: checkedEndpoint(options.endpoint || env["HF_ENDPOINT"] || defaultEndpoint),
    cacheFolder: expand(cacheFolder),
    isOffline: options.offline ?? isTrue(env["HF_HUB_OFFLINE"] || env["TRANSFORMERS_OFFLINE"]),
    tokenFile: expand(env["HF_TOKEN_PATH"] || join(hfHome, "token")),
    homeFolder,
  };
}

/**
 * The token to show to the hub: the given one, else HF_TOKEN, else the file of `hf auth login`.
 *
 * @throws HubError `invalid_hub_setting` when it holds what cannot stand in a header; the message does not show it
 */
export async function readToken(env: Environment, settings: HubSettings, given?: string): Promise<string | undefined> {
  const implicit = isTrue(env["HF_HUB_DISABLE_IMPLICIT_TOKEN"])
    ? undefined
    : env["HF_TOKEN"] || env["HUGGING_FACE_HUB_TOKEN"] || (await readIfThere(settings.tokenFile));
  const token = (given || implicit)?.replaceAll(/[\r\n]/g, "").trim();
  if (!token) return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new HubError({
    code: "invalid_hub_setting",
    message:
      "HF_TOKEN: expected printable ASCII without spaces, got something else " +
      `(copy it again; looked in HF_TOKEN and ${settings.tokenFile})`,
  });
}

/** `~` and `$NAME` as Python's expanduser and expandvars replace them. */
export function expandPath(path: string, env: Environment, homeFolder: string): string {
  return path
    .replace(/^~(?=$|[\\/])/, () => homeFolder)
    .replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain: string | undefined, braced: string | undefined) => {
      return env[plain ?? braced ?? ""] ?? whole;
    });
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((value ?? "").toUpperCase());
}

function checkedEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isUsable = url && ["http:", "https:"].includes(url.protocol) && !url.username && !url.search && !url.hash;
  if (isUsable) return url.href.replace(/\/+$/, "");
  const found = url ? "one with a password, a query, or another protocol" : JSON.stringify(endpoint);
  throw new HubError({
    code: "invalid_hub_setting",
    message: `HF_ENDPOINT: expected an address such as ${defaultEndpoint}, got ${found}`,
  });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
