/** @file The model and the engine that an assignment names, as this machine has them. */
import { engineNames, type EngineName } from "@stagecoach/engine/node";
import type { Assignment } from "@stagecoach/parallel";
import { layoutFingerprint, resolveModel } from "@stagecoach/transformer/node";

/** The model on this machine is another one than the gateway's. */
export class ModelMismatchError extends Error {
  override readonly name = "ModelMismatchError";
  readonly code = "model_mismatch";
}

/**
 * @param place.modelFolder - where the model is on this machine, if not where the gateway says
 * @param place.fromScratch - a folder without weights will do
 * @returns the model's folder
 * @throws ModelMismatchError when its files are not the gateway's
 */
export async function resolveAssignedModel(
  model: Assignment["model"],
  { modelFolder, fromScratch = false }: { readonly modelFolder: string | null; readonly fromScratch?: boolean },
): Promise<string> {
  const revision = model.revision ?? undefined;
  const { folder } = await resolveModel(modelFolder ?? model.reference, { revision, fromScratch });
  if ((await layoutFingerprint(folder)) !== model.fingerprint) {
    throw new ModelMismatchError(
      `the model in ${folder} is not the gateway's ${model.reference} (config.json or the checkpoint's layout differ); give this worker the same files`,
    );
  }
  return folder;
}

/** @throws ModelMismatchError */
export function engineNamed(name: string): EngineName {
  const known = engineNames.find((each) => each === name);
  if (known === undefined)
    throw new ModelMismatchError(`the gateway asks for engine "${name}", this worker knows ${engineNames.join(", ")}`);
  return known;
}
