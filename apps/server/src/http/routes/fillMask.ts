/**
 * @file `/fill-mask`: what may stand in the place of masked tokens, in the shapes of transformers' fill-mask pipeline and
 * huggingface_hub's `InferenceClient.fill_mask`.
 */
import { z } from "zod";
import { serveInputs } from "../embedRequest.ts";
import { postRoute, type Route } from "../route.ts";
import { directionOf, modelField, truncateSchema, truncationDirectionSchema } from "../schemas.ts";
import { scorerOf } from "../scorerOf.ts";
import { modelNamed, type Serving } from "../serving.ts";

const DEFAULT_TOP_K = 5;

const optionsSchema = z.strictObject({
  top_k: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .meta({ description: `tokens for each mask; ${DEFAULT_TOP_K} by default` }),
  targets: z.array(z.string()).min(1).nullish().meta({
    description:
      "tokens to choose from instead of the whole vocabulary; of a text that is no token the first piece counts",
  }),
});

const fillMaskSchema = z
  .strictObject({
    inputs: z
      .union([z.string(), z.array(z.string())], { error: "expected a string or an array of strings" })
      .meta({ description: "one text or several, each with the model's mask token at least once" }),
    ...optionsSchema.shape,
    parameters: optionsSchema
      .nullish()
      .meta({ description: "the same options as Hugging Face's clients send them; they count before those beside it" }),
    truncate: truncateSchema,
    truncation_direction: truncationDirectionSchema,
    model: modelField,
  })
  .meta({ id: "FillMaskRequest" });

const fillings = z
  .array(
    z.object({
      score: z.number().meta({ description: "probability among the whole vocabulary" }),
      token: z.int(),
      token_str: z.string(),
      sequence: z.string().meta({ description: "the text with the token; with other masks in it, special tokens too" }),
    }),
  )
  .meta({ id: "MaskFillings" });
/** Of a text with one mask, and of one with several. */
const ofText = z.union([fillings, z.array(fillings)]).meta({ id: "TextFillings" });

export function fillMaskRoute(serving: Serving): Route {
  return postRoute({
    path: "/fill-mask",
    family: "native",
    tag: "Hugging Face tasks",
    summary: "The likeliest tokens for the mask of each text; of a text with several masks, a list for each.",
    request: fillMaskSchema,
    response: z.union([ofText, z.array(ofText)]).meta({ id: "FillMaskResponse" }),
    errors: ["unknown_model", "wrong_task", "model_too_large"],
    isInference: true,
    async handle({ body, response, signal }) {
      const inputs = typeof body.inputs === "string" ? [body.inputs] : body.inputs;
      const { top_k: topK = DEFAULT_TOP_K, targets } = { ...body, ...body.parameters };
      const model = await modelNamed(serving, body.model);
      const scorer = scorerOf(model, "/fill-mask");
      const { results } = await serveInputs(
        serving,
        { model, inputs, inputField: "inputs", response, signal },
        (_, common) =>
          scorer.fillMask(inputs, {
            ...common,
            topK,
            targets: targets ?? undefined,
            truncate: body.truncate ?? serving.settings.autoTruncate,
            truncationDirection: directionOf(body.truncation_direction),
          }),
      );
      const answers = results.map((masks) => (masks.length === 1 ? masks[0]! : masks));
      return typeof body.inputs === "string" ? answers[0] : answers;
    },
  });
}
