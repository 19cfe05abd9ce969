/** @file The families that we know, and the choice of one by `config.json`. */
import { JsonFields, type EncoderConfig } from "../config.ts";
import { UnsupportedModelError } from "../errors.ts";
import { bert } from "./bert.ts";
import { distilBert } from "./distilBert.ts";
import type { Family } from "./family.ts";
import { mpnet } from "./mpnet.ts";
import { roberta } from "./roberta.ts";

export const families: readonly Family[] = [bert, roberta, distilBert, mpnet];

/**
 * @param json - content of `config.json`
 * @throws UnsupportedModelError for a `model_type` that is none of ours; ModelConfigError for values that do not fit
 */
export function readEncoderConfig(json: unknown): { readonly family: Family; readonly config: EncoderConfig } {
  const fields = new JsonFields("config.json", json);
  const modelType = fields.text("model_type");
  const family = families.find(({ modelTypes }) => modelTypes.includes(modelType));
  if (family === undefined) {
    const known = families.flatMap(({ modelTypes }) => modelTypes).join(", ");
    const architectures = fields.has("architectures")
      ? ` (architectures: ${JSON.stringify(fields.get("architectures"))})`
      : "";
    throw new UnsupportedModelError(
      `config.json: "model_type": expected one of ${known}, got "${modelType}"${architectures}; choose a model of one of these architectures`,
    );
  }
  return { family, config: family.readConfig(fields) };
}
