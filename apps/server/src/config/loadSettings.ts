/** @file Settings from flags, environment and a config file, in this order of precedence, checked together. */
import { isEveryAddress } from "@stagecoach/parallel/node";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { closestName } from "./closestName.ts";
import {
  flagName,
  serveSettings,
  settingNames,
  variableName,
  type ServeSettings,
  type SettingName,
} from "./settings.ts";

/** A setting that does not exist, or has a value that does not fit. The message names the place where it was given. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly code = "invalid_settings";
}

export type SettingSources = {
  /** Values of flags that were given. */
  readonly flags: Readonly<Partial<Record<SettingName, unknown>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file with settings as keys. */
  readonly configFile?: string;
};

/** Variables of ours that are no settings. */
const otherVariables = new Set(["STAGECOACH_CONFIG", "STAGECOACH_ENGINES_DIR", "STAGECOACH_WORKER_SETTINGS"]);

/** @throws SettingsError with every problem that there is */
export async function loadSettings({ flags, env, configFile }: SettingSources): Promise<ServeSettings> {
  const problems: string[] = [];
  const file = configFile === undefined ? {} : await readConfigFile(configFile, problems);
  refuseUnknownVariables(env, problems);
  const values: Record<string, unknown> = {};
  for (const name of settingNames) {
    const sources = [
      { place: `--${flagName(name)}`, value: flags[name] },
      // Set to nothing is not set: compose files and shells pass such variables on.
      { place: variableName(name), value: env[variableName(name)] || undefined },
      ...otherVariableOf(name, env),
      { place: `"${name}" in ${configFile ?? "the config file"}`, value: file[name] },
    ];
    const given = sources.find(({ value }) => value !== undefined);
    const parsed = serveSettings[name].schema.safeParse(given?.value);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${given?.place ?? name}: ${parsed.error.issues.map(({ message }) => message).join("; ")}`);
  }
  if (problems.length === 0) problems.push(...contradictions(values as ServeSettings));
  if (problems.length > 0) throw new SettingsError(problems.join("\n"));
  return values as ServeSettings;
}

/** `DATABASE_URL` for example, for settings that have such a variable. */
function otherVariableOf(name: SettingName, env: SettingSources["env"]) {
  const { variable } = serveSettings[name] as { readonly variable?: string };
  return variable === undefined ? [] : [{ place: variable, value: env[variable] || undefined }];
}

/** Settings that are fine one by one and do not fit each other. */
function contradictions(settings: ServeSettings): string[] {
  const { externalWorkers, stages, replicas, joinToken, workerHost, advertiseHost } = settings;
  const found: string[] = [];
  const places = stages * replicas;
  if (externalWorkers > places)
    found.push(`--external-workers: expected at most ${places} (stages times replicas), got ${externalWorkers}`);
  if (externalWorkers > 0 && joinToken === undefined)
    found.push("--external-workers: workers elsewhere need a token to join: set --join-token (openssl rand -hex 32)");
  if (isEveryAddress(workerHost) && advertiseHost === undefined)
    found.push(`--worker-host: ${workerHost} is no address that others can dial: set --advertise-host as well`);
  return found;
}

async function readConfigFile(path: string, problems: string[]): Promise<Record<string, unknown>> {
  const parsed = z.record(z.string(), z.unknown()).safeParse(parseJson(path, await readText(path)));
  if (!parsed.success) throw new SettingsError(`${path}: expected a JSON object with settings as keys`);
  for (const key of Object.keys(parsed.data)) {
    if (!settingNames.some((name) => name === key))
      problems.push(`${path}: unknown setting "${key}"${suggestion(key, settingNames)}`);
  }
  return parsed.data;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new SettingsError(`${path}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`, {
      cause,
    });
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SettingsError(`${path}: expected JSON (${cause instanceof Error ? cause.message : String(cause)})`, {
      cause,
    });
  }
}

/** A mistyped variable would be ignored in silence otherwise. */
function refuseUnknownVariables(env: SettingSources["env"], problems: string[]): void {
  const known = settingNames.map(variableName);
  for (const name of Object.keys(env)) {
    if (name.startsWith("STAGECOACH_") && !known.includes(name) && !otherVariables.has(name)) {
      problems.push(`environment: unknown variable ${name}${suggestion(name, known)}`);
    }
  }
}

function suggestion(name: string, known: readonly string[]): string {
  const closest = closestName(name, known);
  return closest === null ? "" : ` (did you mean ${closest}?)`;
}
