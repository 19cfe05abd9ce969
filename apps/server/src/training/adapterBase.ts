/** @file Jobs whose adapters are not merged: what they start from, and how it is found again. */
import { TrainingError } from "@stagecoach/training";
import { isAdapterFolder, stagesFingerprint, type AdapterBase, type ResolvedModel } from "@stagecoach/transformer/node";
import type { TrainingSettings } from "./trainingSettings.ts";

/** @returns undefined where adapters are merged, or there are none */
export async function adapterBaseOf(
  { hyperparameters }: Pick<TrainingSettings, "hyperparameters">,
  { folder, id, revision, source }: ResolvedModel,
): Promise<AdapterBase | undefined> {
  if (hyperparameters?.lora_merge !== false) return undefined;
  return { reference: source === "folder" ? folder : id, revision, fingerprint: await stagesFingerprint(folder) };
}

/** @throws TrainingError where a job is to make an adapter of an adapter */
export async function expectWholeBase(folder: string): Promise<void> {
  if (!(await isAdapterFolder(folder))) return;
  const remedy = "merge the adapters of this job, or export that model with `models export --format safetensors` first";
  throw new TrainingError(
    "training_option",
    `lora merge: expected a whole model to start from, got one that is an adapter itself (${remedy})`,
  );
}
