/** @file Names of fine-tuned models: `ft:{base}:{organization}:{suffix}:{8 characters}`, as OpenAI forms them. */
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
