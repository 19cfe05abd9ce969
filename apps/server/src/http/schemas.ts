/**
 * @file Schemas that several routes share: inputs as OpenAI and text-embeddings-inference spell them, and their answers.
 *
 * Shapes: OpenAI's openapi.yaml (2026-08) and text-embeddings-inference 1.9.3.
 */
import { z } from "zod";
import { nativeErrorTypes } from "./errorTables.ts";

const tokenId = z.int();
const ids = z.array(tokenId).meta({ description: "token ids of one text, without special tokens" });

/** One text or several; a text may be given as token ids. */
export const inputSchema = z
  .union([z.string(), ids, z.array(z.string()), z.array(z.union([z.string(), ids]))], {
    error: "expected a string, an array of strings, an array of token ids, or an array of such arrays",
  })
  .meta({
    id: "Input",
    description:
      "One text or several. A text is a string, or an array of token ids that is used as it is, between the special tokens.",
  });

export type Input = z.output<typeof inputSchema>;

/** Inputs as a list, and whether the client gave a single one. A flat array of numbers is one input. */
export function listInputs(input: Input): {
  readonly inputs: readonly (string | readonly number[])[];
  readonly isSingle: boolean;
} {
  if (typeof input === "string") return { inputs: [input], isSingle: true };
  if (input.length > 0 && input.every((each) => typeof each === "number")) return { inputs: [input], isSingle: true };
  return { inputs: input as readonly (string | readonly number[])[], isSingle: false };
}

export const modelField = z
  .string()
  .optional()
  .meta({ description: "name of a served model; the server's own when left out" });

export const truncateSchema = z
  .boolean()
  .nullish()
  .meta({ description: "cut inputs that are too long; the server's --auto-truncate when left out" });

export const truncationDirectionSchema = z
  .enum(["Left", "Right", "left", "right"])
  .optional()
  .meta({ description: "the end at which tokens are cut off; Right by default" });

export function directionOf(direction: z.output<typeof truncationDirectionSchema>): "left" | "right" {
  return direction?.toLowerCase() === "left" ? "left" : "right";
}

export const promptNameSchema = z
  .string()
  .nullish()
  .meta({ description: "name of one of the model's prompts, put before each text" });

export const vectorSchema = z.array(z.number());

export const openAiErrorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: "OpenAIError" });

export const nativeErrorSchema = z
  .object({ error: z.string(), error_type: z.enum(nativeErrorTypes) })
  .meta({ id: "ErrorResponse" });
