/**
 * @file Names of fine-tuned models: `ft:{base}:{organization}:{suffix}:{8 characters}`, as OpenAI forms them, and behind one of these
 * `:ckpt-step-{number}` for a checkpoint on the way to it.
 */
import { newId } from "../store/newId.ts";

export const ORGANIZATION = "stagecoach";

/**
 * A new name. It goes into paths as it is: of a hub id its last part stays, of a fine-tuned model the name of its base.
 * Each is another, also with the same suffix.
 */
export function newModelName(base: string, suffix: string): string {
  const [, ofBase] = base.startsWith("ft:") ? base.split(":") : [null, base.replace(/\/+$/, "").split("/").at(-1)];
  const safe = (ofBase ?? "").replaceAll(/[^\w.-]+/g, "-") || "model";
  return `ft:${safe}:${ORGANIZATION}:${suffix}:${newId("", 8)}`;
}

export function checkpointName(modelName: string, step: number): string {
  return `${modelName}:ckpt-step-${step}`;
}

/** @returns null for a name of another kind */
export function parseCheckpointName(name: string): { readonly modelName: string; readonly step: number } | null {
  const [, modelName, step] = /^(ft:.+):ckpt-step-(\d{1,15})$/.exec(name) ?? [];
  return modelName === undefined ? null : { modelName, step: Number(step) };
}
