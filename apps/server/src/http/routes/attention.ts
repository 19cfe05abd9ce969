/** @file `/attention`: the softmax probabilities of a model's heads for a text or a pair, for pictures of them. */
import { setImmediate } from "node:timers/promises";
import { z } from "zod";
import { attend, type Attended } from "../../embedding/attention.ts";
import { serveInputs } from "../embedRequest.ts";
import { postRoute, type Route } from "../route.ts";
import { directionOf, modelField, truncateSchema, truncationDirectionSchema } from "../schemas.ts";
import { modelNamed, type Serving } from "../serving.ts";
import { tokenCards, tokenSchema } from "../tokenCards.ts";
import { plain } from "./predict.ts";

const encodings = ["float", "base64", "uint8"] as const;
type EncodingName = (typeof encodings)[number];

const binary = { values: 2 ** 23, remedy: "ask for fewer layers or heads at a time" };
/** Numbers in JSON take 20 characters each, and the server does nothing else while it writes them: 10 MB. */
const limits: Readonly<Record<EncodingName, { readonly values: number; readonly remedy: string }>> = {
  float: {
    values: 2 ** 19,
    remedy: 'ask for fewer layers or heads at a time, or for the encoding "base64" or "uint8"',
  },
  base64: binary,
  uint8: binary,
};

const numbersOf = (what: string) =>
  z
    .array(z.int())
    .min(1)
    .optional()
    .meta({ description: `${what}; all by default` });

const attentionSchema = z
  .strictObject({
    inputs: z
      .union([z.string(), z.tuple([z.string(), z.string()])], { error: "expected a string or a pair of strings" })
      .meta({ description: 'one text, or ["a", "b"]: a pair. No prompt is put before it.' }),
    layers: numbersOf("layers, counted from 0"),
    heads: numbersOf("heads of each of the layers, counted from 0"),
    encoding: z.enum(encodings).default("float").meta({
      description:
        "of the probabilities: numbers; base64 of little-endian float32; or base64 of one byte each, 255 times the probability, rounded",
    }),
    truncate: truncateSchema,
    truncation_direction: truncationDirectionSchema,
    model: modelField,
  })
  .meta({ id: "AttentionRequest" });

const attentionToken = tokenSchema
  .extend({
    token: z.string().meta({ description: "as the vocabulary spells it" }),
    input: z.int().nullable().meta({ description: "0, or 1 in the second text of a pair; null for special tokens" }),
  })
  .meta({ id: "AttentionToken" });

const attentionResponse = z
  .object({
    tokens: z.array(attentionToken),
    num_layers: z.int().meta({ description: "of the model" }),
    num_heads: z.int().meta({ description: "of each of its layers" }),
    heads: z.array(z.int()).meta({ description: "those in this answer, ascending" }),
    encoding: z.enum(encodings),
    truncated: z.boolean(),
    layers: z.array(
      z.object({
        layer: z.int(),
        probabilities: z.union([z.array(z.array(z.array(z.number()))), z.string()]).meta({
          description:
            "[heads, tokens, tokens]: a row for each token that looks, which sums to 1; row-major where encoded",
        }),
      }),
    ),
  })
  .meta({ id: "AttentionResponse" });

export function attentionRoute(serving: Serving): Route {
  return postRoute({
    path: "/attention",
    family: "native",
    tag: "Stagecoach",
    summary:
      "How the heads of each layer attend: softmax probabilities, as transformers' output_attentions. Texts of up to 512 tokens.",
    request: attentionSchema,
    response: attentionResponse,
    errors: ["unknown_model", "model_too_large"],
    isInference: true,
    async handle({ body, response, signal }) {
      const { inputs, encoding } = body;
      const model = await modelNamed(serving, body.model);
      const attended = await serveInputs(
        serving,
        {
          model,
          inputs: [plain(inputs)],
          inputField: "inputs",
          response,
          signal,
        },
        ({ embedder }, common) =>
          attend(embedder, inputs, {
            ...common,
            layers: body.layers,
            heads: body.heads,
            limit: limits[encoding],
            truncate: body.truncate ?? serving.settings.autoTruncate,
            truncationDirection: directionOf(body.truncation_direction),
            now: () => performance.now(),
          }),
      );
      const { numLayers, numHeads } = model.embedder.model.config;
      const layers = [];
      for (const { layer, probabilities } of attended.layers) {
        layers.push({ layer, probabilities: encoded(probabilities, { encoding, numTokens: attended.numTokens }) });
        // Heartbeats and other requests come in between.
        await setImmediate();
      }
      return {
        tokens: tokensOf(attended),
        num_layers: numLayers,
        num_heads: numHeads,
        heads: attended.heads,
        encoding,
        truncated: attended.numTruncated > 0,
        layers,
      };
    },
  });
}

function tokensOf({ encoding, texts }: Attended): z.output<typeof attentionToken>[] {
  const { tokens, sequenceIds } = encoding;
  return tokenCards(encoding, texts).map((card, index) => ({
    ...card,
    token: tokens[index]!,
    input: sequenceIds[index] ?? null,
  }));
}

/** @param matrices - one of each head, `[L, L]` */
function encoded(
  matrices: readonly Float32Array[],
  { encoding, numTokens: L }: { readonly encoding: EncodingName; readonly numTokens: number },
): number[][][] | string {
  if (encoding === "float")
    return matrices.map((matrix) =>
      Array.from({ length: L }, (_, row) => Array.from(matrix.subarray(row * L, (row + 1) * L))),
    );
  const bytesOf = (matrix: Float32Array) =>
    encoding === "uint8" ? quantized(matrix) : new Uint8Array(matrix.buffer, matrix.byteOffset, matrix.byteLength);
  return Buffer.concat(matrices.map(bytesOf)).toString("base64");
}

/** A loop: `Uint8Array.from` takes seconds for millions of values, in which the gateway would be silent to its workers. */
function quantized(matrix: Float32Array): Uint8Array {
  const bytes = new Uint8Array(matrix.length);
  for (let cell = 0; cell < bytes.length; cell++) bytes[cell] = Math.round(matrix[cell]! * 255);
  return bytes;
}
