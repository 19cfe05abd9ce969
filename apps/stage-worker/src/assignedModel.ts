/** @file The model and the engine that an assignment names, as this machine has them. */
import { engineNames, type EngineName } from "@stagecoach/engine/node";
import type { Assignment } from "@stagecoach/parallel";
import { layoutFingerprint, resolveModel, stagesFingerprint } from "@stagecoach/transformer/node";

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
  const revision = modelFolder === null ? (model.revision ?? undefined) : undefined;
  const { folder } = await resolveModel(modelFolder ?? model.reference, { revision, fromScratch });
  const mismatch = (what: string) =>
    new ModelMismatchError(
      `the model in ${folder} is not the gateway's ${model.reference} (${what}); give this worker the same files`,
    );
  if ((await layoutFingerprint(folder)) !== model.fingerprint)
    throw mismatch("a config.json, modules.json or the checkpoint's layout differs");
  if (model.stagesFingerprint !== undefined && (await stagesFingerprint(folder)) !== model.stagesFingerprint)
    throw mismatch("its weights differ");
  return folder;
}

/** @throws ModelMismatchError */
export function engineNamed(name: string): EngineName {
  const known = engineNames.find((each) => each === name);
  if (known === undefined)
    throw new ModelMismatchError(`the gateway asks for engine "${name}", this worker knows ${engineNames.join(", ")}`);
  return known;
}
