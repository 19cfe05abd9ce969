/** @file text-embeddings-inference's `/tokenize` and `/decode`. */
import { z } from "zod";
import { expectBatchSize, expectInputs } from "../embedRequest.ts";
import { postRoute, type Route } from "../route.ts";
import { modelField, promptNameSchema } from "../schemas.ts";
import { modelNamed, type Serving } from "../serving.ts";
import { tokenCards, tokenSchema } from "../tokenCards.ts";

const tokenizeSchema = z
  .strictObject({
    inputs: z.union([z.string(), z.array(z.string())], { error: "expected a string or an array of strings" }),
    add_special_tokens: z.boolean().default(true),
    prompt_name: promptNameSchema,
    model: modelField,
  })
  .meta({ id: "TokenizeRequest" });

const decodeSchema = z
  .strictObject({
    ids: z.union([z.array(z.int()), z.array(z.array(z.int()))], {
      error: "expected an array of token ids, or an array of such arrays",
    }),
    skip_special_tokens: z.boolean().default(true),
    model: modelField,
  })
  .meta({ id: "DecodeRequest" });

export function tokenizeRoutes(serving: Serving): Route[] {
  return [
    postRoute({
      path: "/tokenize",
      family: "native",
      summary: "Tokens of each input, with byte offsets into its UTF-8 text. Nothing is cut off.",
      request: tokenizeSchema,
      response: z.array(z.array(tokenSchema)).meta({ id: "TokenizeResponse" }),
      isInference: true,
      errors: ["unknown_model", "model_too_large"],
      async handle({ body }) {
        const { embedder } = await modelNamed(serving, body.model);
        const inputs = typeof body.inputs === "string" ? [body.inputs] : body.inputs;
        expectInputs(inputs, { inputField: "inputs", maxClientBatchSize: serving.settings.maxClientBatchSize });
        const prompt = embedder.promptOf(body.prompt_name ?? undefined);
        return inputs.map((input) => {
          const text = embedder.textOf(input, prompt);
          return tokenCards(embedder.tokenizer.encode(text, { addSpecialTokens: body.add_special_tokens }), [text]);
        });
      },
    }),
    postRoute({
      path: "/decode",
      family: "native",
      summary: "Text of token ids.",
      request: decodeSchema,
      response: z.array(z.string()).meta({ id: "DecodeResponse" }),
      isInference: true,
      errors: ["unknown_model", "model_too_large"],
      async handle({ body }) {
        const { tokenizer } = (await modelNamed(serving, body.model)).embedder;
        const nested = body.ids.every((each) => Array.isArray(each)) ? body.ids : [body.ids];
        expectBatchSize(nested, { inputField: "ids", maxClientBatchSize: serving.settings.maxClientBatchSize });
        return nested.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: body.skip_special_tokens }));
      },
    }),
  ];
}
