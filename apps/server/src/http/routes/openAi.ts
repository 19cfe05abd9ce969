/** @file OpenAI's routes: `/v1/embeddings` and `/v1/models`. */
import type { Logger } from "pino";
import { z } from "zod";
import { serveInputs } from "../embedRequest.ts";
import { FineTunedCards, modelCard, modelSchema } from "../modelCard.ts";
import { getRoute, postRoute, type Route } from "../route.ts";
import { inputSchema, listInputs, vectorSchema } from "../schemas.ts";
import { modelNamed, servedModel, type Serving } from "../serving.ts";

const requestSchema = z
  .strictObject({
    input: inputSchema,
    model: z.string().nullish().meta({ description: "name of the served model; may be left out" }),
    encoding_format: z
      .enum(["float", "base64"])
      .nullish()
      .default("float")
      .meta({ description: "base64: little-endian float32" }),
    dimensions: z.int().nullish().meta({ description: "keep this many values of each vector" }),
    user: z.string().nullish().meta({ description: "accepted for compatibility; not kept" }),
  })
  .meta({ id: "CreateEmbeddingRequest" });

const usageSchema = z.object({ prompt_tokens: z.int(), total_tokens: z.int() });

const responseSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(
      z.object({ object: z.literal("embedding"), embedding: z.union([vectorSchema, z.string()]), index: z.int() }),
    ),
    model: z.string(),
    usage: usageSchema,
  })
  .meta({ id: "CreateEmbeddingResponse" });

export function openAiRoutes(serving: Serving, log: Logger): Route[] {
  const cards = new FineTunedCards(log);
  const embeddings = (path: string, summary: string) =>
    postRoute({
      path,
      family: "openai",
      summary,
      request: requestSchema,
      response: responseSchema,
      isInference: true,
      async handle({ body, response, signal }) {
        const started = performance.now();
        const { inputs } = listInputs(body.input);
        const model = await modelNamed(serving, body.model ?? undefined);
        const { vectors, numTokens } = await serveInputs(
          serving,
          { model, inputs, inputField: "input", response, signal },
          ({ embedder }, common) =>
            embedder.embed(inputs, {
              ...common,
              normalize: true,
              truncate: true,
              dimensions: body.dimensions ?? undefined,
            }),
        );
        response.set("openai-processing-ms", String(Math.round(performance.now() - started)));
        const encode = body.encoding_format === "base64" ? toBase64 : (vector: Float32Array) => Array.from(vector);
        return {
          object: "list",
          data: vectors.map((vector, index) => ({ object: "embedding", embedding: encode(vector), index })),
          model: model.name,
          usage: { prompt_tokens: numTokens, total_tokens: numTokens },
        };
      },
    });
  return [
    embeddings(
      "/v1/embeddings",
      "Embeddings of texts, of unit length. Inputs that are too long are cut; x-truncated-inputs says how many.",
    ),
    embeddings("/embeddings", "As /v1/embeddings."),
    getRoute({
      path: "/v1/models",
      family: "openai",
      summary: "The models that this server serves, and what can be asked of each.",
      response: z.object({ object: z.literal("list"), data: z.array(modelSchema) }).meta({ id: "ListModelsResponse" }),
      isInference: false,
      async handle() {
        const fineTuned = (await serving.jobs?.opened?.models.list()) ?? [];
        return { object: "list", data: [modelCard(servedModel(serving)), ...(await cards.ofAll(fineTuned))] };
      },
    }),
    getRoute({
      path: "/v1/models/{model}",
      family: "openai",
      summary: "One model.",
      response: modelSchema,
      isInference: false,
      async handle({ request }) {
        const id = modelParameter(request.params["model"]);
        const fineTuned = await serving.jobs?.opened?.models.find(id);
        return fineTuned == null ? modelCard(await modelNamed(serving, id)) : cards.of(fineTuned);
      },
    }),
  ];
}

/** Ids of hub models have a slash, which clients send as it is or encoded. */
export function modelParameter(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join("/") : (value ?? "");
}

function toBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}
