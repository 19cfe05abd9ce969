/**
 * @file Where the weights lie that an adapter's folder does not have: its base model.
 *
 * A folder of peft's layout names its base in `adapter_config.json`. Ours say more in `adapter_base.json`: how the base was found when the
 * adapter was trained, and a fingerprint of it, since an adapter on other weights gives vectors that mean nothing.
 */
import { join } from "node:path";
import { AdapterError } from "../errors.ts";
import { resolveModel } from "./hub/resolveModel.ts";
import { ADAPTER_CONFIG, isAdapterFolder } from "./isAdapterFolder.ts";
import { jsonReader } from "./jsonReader.ts";
import { stagesFingerprint } from "./modelFingerprint.ts";

export const ADAPTER_BASE = "adapter_base.json";

/** Content of `adapter_base.json`. */
export type AdapterBase = {
  /** A folder, or a name on the hub. */
  readonly reference: string;
  /** Commit of a hub model. */
  readonly revision: string | null;
  /** `stagesFingerprint`; null for adapters that others have made. */
  readonly fingerprint: string | null;
};

/** What an adapter's folder says of its base. @throws AdapterError when it says nothing that can be read */
export async function readAdapterBase(folder: string): Promise<AdapterBase> {
  const json = jsonReader(folder);
  const own = (await json(ADAPTER_BASE)) as Partial<Record<keyof AdapterBase, unknown>> | undefined;
  const peft = (await json(ADAPTER_CONFIG)) as { base_model_name_or_path?: unknown; revision?: unknown } | undefined;
  const { reference, revision, fingerprint } = own ?? {
    reference: peft?.base_model_name_or_path,
    revision: peft?.revision ?? null,
    fingerprint: null,
  };
  const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
  if (!isText(reference) || !isTextOrNull(revision) || !isTextOrNull(fingerprint)) {
    const file = join(folder, own === undefined ? ADAPTER_CONFIG : ADAPTER_BASE);
    const field = own === undefined ? "base_model_name_or_path" : "reference, revision and fingerprint";
    throw new AdapterError(
      `${file}: expected the adapter's base in ${field}, got none (name its folder or hub id there)`,
    );
  }
  return { reference, revision, fingerprint };
}

/** Folder of the base model of an adapter's folder. @throws AdapterError when it is gone, or an adapter itself */
export async function findAdapterBase(folder: string, options: { readonly offline?: boolean } = {}): Promise<string> {
  const { reference, revision } = await readAdapterBase(folder);
  const base = await resolveModel(reference, { revision: revision ?? undefined, ...options }).catch(
    (cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new AdapterError(`${folder}: expected the adapter's base model ${reference}, got none: ${why}`, { cause });
    },
  );
  if (!(await isAdapterFolder(base.folder))) return base.folder;
  throw new AdapterError(
    `${folder}: expected a whole model as the adapter's base, got the adapter ${reference} (models export --format safetensors makes a whole model of that one)`,
  );
}

/** As findAdapterBase, and its weights are those that the adapter was trained on. Reads all of them. @throws AdapterError */
export async function expectAdapterBase(folder: string): Promise<string> {
  const { reference, fingerprint } = await readAdapterBase(folder);
  const base = await findAdapterBase(folder);
  if (fingerprint === null || (await stagesFingerprint(base)) === fingerprint) return base;
  throw new AdapterError(
    `${folder}: expected the base model that the adapter was trained on, got another one in ${base} (the weights of ${reference} have changed: put those from before back, or train the adapter again)`,
  );
}

const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === "string";
