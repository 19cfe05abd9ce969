/** @file text-embeddings-inference's embedding routes: `/embed`, `/embed_all`, `/similarity`. */
import { z } from "zod";
import { serveInputs } from "../embedRequest.ts";
import { EmptyInputError } from "../../embedding/errors.ts";
import { postRoute, type Route } from "../route.ts";
import {
  directionOf,
  inputSchema,
  listInputs,
  modelField,
  promptNameSchema,
  truncateSchema,
  truncationDirectionSchema,
  vectorSchema,
} from "../schemas.ts";
import { modelNamed, type Serving } from "../serving.ts";

const embedAllSchema = z
  .strictObject({
    inputs: inputSchema,
    truncate: truncateSchema,
    truncation_direction: truncationDirectionSchema,
    prompt_name: promptNameSchema,
    model: modelField,
  })
  .meta({ id: "EmbedAllRequest" });

const embedSchema = z
  .strictObject({
    ...embedAllSchema.shape,
    normalize: z.boolean().default(true).meta({ description: "scale vectors to unit length" }),
    dimensions: z.int().nullish().meta({ description: "keep this many values of each vector" }),
  })
  .meta({ id: "EmbedRequest" });

const embedResponseSchema = z.array(vectorSchema).meta({ id: "EmbedResponse" });

const similaritySchema = z
  .strictObject({
    inputs: z.strictObject({ source_sentence: z.string(), sentences: z.array(z.string()) }),
    parameters: z
      .strictObject({
        truncate: truncateSchema,
        truncation_direction: truncationDirectionSchema,
        prompt_name: promptNameSchema,
      })
      .nullish(),
    model: modelField,
  })
  .meta({ id: "SimilarityRequest" });

/** Of naming a model. */
const modelErrors = ["unknown_model", "model_too_large"] as const;

type TruncationFields = {
  truncate?: boolean | null;
  truncation_direction?: z.output<typeof truncationDirectionSchema>;
  prompt_name?: string | null;
};

export function embedRoutes(serving: Serving): Route[] {
  const textOptions = ({ truncate, truncation_direction, prompt_name }: TruncationFields) => ({
    truncate: truncate ?? serving.settings.autoTruncate,
    truncationDirection: directionOf(truncation_direction),
    promptName: prompt_name ?? undefined,
  });
  const embed = (path: string, summary: string) =>
    postRoute({
      path,
      family: "native",
      summary,
      request: embedSchema,
      response: embedResponseSchema,
      errors: modelErrors,
      isInference: true,
      async handle({ body, response, signal }) {
        const { inputs } = listInputs(body.inputs);
        const model = await modelNamed(serving, body.model);
        const { vectors } = await serveInputs(
          serving,
          { model, inputs, inputField: "inputs", response, signal },
          ({ embedder }, common) =>
            embedder.embed(inputs, {
              ...common,
              ...textOptions(body),
              normalize: body.normalize,
              dimensions: body.dimensions ?? undefined,
            }),
        );
        return vectors.map((vector) => Array.from(vector));
      },
    });
  return [
    embed("/embed", "One vector per input."),
    embed("/", "As /embed, for clients that know no more than the server's URL."),
    postRoute({
      path: "/embed_all",
      family: "native",
      summary: "One vector per token of each input, special tokens included, before pooling.",
      request: embedAllSchema,
      response: z.array(z.array(vectorSchema)).meta({ id: "EmbedAllResponse" }),
      errors: modelErrors,
      isInference: true,
      async handle({ body, response, signal }) {
        const { inputs } = listInputs(body.inputs);
        const model = await modelNamed(serving, body.model);
        const { tokens } = await serveInputs(
          serving,
          { model, inputs, inputField: "inputs", response, signal },
          ({ embedder }, common) => embedder.embedTokens(inputs, { ...common, ...textOptions(body) }),
        );
        return tokens.map((rows) => rows.map((row) => Array.from(row)));
      },
    }),
    postRoute({
      path: "/similarity",
      family: "native",
      summary: "Cosine similarity of one sentence with each of several.",
      request: similaritySchema,
      response: z.array(z.number()).meta({ id: "SimilarityResponse" }),
      errors: modelErrors,
      isInference: true,
      async handle({ body, response, signal }) {
        const { source_sentence, sentences } = body.inputs;
        if (sentences.length === 0)
          throw new EmptyInputError(
            "`inputs.sentences` cannot be empty: give at least one sentence",
            "inputs.sentences",
          );
        const inputs = [source_sentence, ...sentences];
        const model = await modelNamed(serving, body.model);
        const { vectors } = await serveInputs(
          serving,
          { model, inputs, inputField: "inputs", response, signal },
          ({ embedder }, common) =>
            embedder.embed(inputs, { ...common, ...textOptions(body.parameters ?? {}), normalize: true }),
        );
        const [source, ...others] = vectors;
        return others.map((vector) => vector.reduce((total, value, index) => total + value * source![index]!, 0));
      },
    }),
  ];
}
