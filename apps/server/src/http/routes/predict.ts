/** @file What task models say: `/predict` and `/rerank` as text-embeddings-inference, `/next-sentence` of our own. */
import { z } from "zod";
import type { LabelledSpan, LabelScore, Scored, ScoreInput } from "../../embedding/scorer.ts";
import { serveInputs } from "../embedRequest.ts";
import { postRoute, type Route } from "../route.ts";
import { directionOf, modelField, truncateSchema, truncationDirectionSchema } from "../schemas.ts";
import { scorerOf } from "../scorerOf.ts";
import { modelNamed, type Serving } from "../serving.ts";

const rawScoresField = z.boolean().default(false).meta({ description: "logits instead of probabilities" });
const pair = z.tuple([z.string(), z.string()]);
const cutting = { truncate: truncateSchema, truncation_direction: truncationDirectionSchema };

const predictSchema = z
  .strictObject({
    inputs: z
      .union([z.string(), pair, z.array(z.union([z.string(), z.tuple([z.string()]), pair]))], {
        error: "expected a string, a pair of strings, or an array of strings, of [string] or of pairs",
      })
      .meta({ description: 'one text or pair, or several; ["a", "b"] is one pair' }),
    ...cutting,
    raw_scores: rawScoresField,
    model: modelField,
  })
  .meta({ id: "PredictRequest" });

const labelScores = z.array(z.object({ label: z.string(), score: z.number() })).meta({ id: "LabelScores" });
const spans = z
  .array(z.object({ entity_group: z.string(), score: z.number(), word: z.string(), start: z.int(), end: z.int() }))
  .meta({ id: "LabelledSpans" });

const rerankSchema = z
  .strictObject({
    query: z.string(),
    texts: z.array(z.string()),
    ...cutting,
    raw_scores: rawScoresField,
    return_text: z.boolean().default(false),
    model: modelField,
  })
  .meta({ id: "RerankRequest" });

const nextSentenceSchema = z
  .strictObject({ inputs: z.union([pair, z.array(pair)]), ...cutting, model: modelField })
  .meta({ id: "NextSentenceRequest" });

type Cutting = { truncate?: boolean | null; truncation_direction?: z.output<typeof truncationDirectionSchema> };

export function predictRoutes(serving: Serving): Route[] {
  const cut = ({ truncate, truncation_direction }: Cutting) => ({
    truncate: truncate ?? serving.settings.autoTruncate,
    truncationDirection: directionOf(truncation_direction),
  });
  return [
    postRoute({
      path: "/predict",
      family: "native",
      summary: "Labels and scores of texts or pairs; of a tagger, the labelled runs of words.",
      request: predictSchema,
      response: z.union([labelScores, z.array(labelScores), spans, z.array(spans)]).meta({ id: "PredictResponse" }),
      errors: ["unknown_model", "wrong_task", "model_too_large"],
      isInference: true,
      async handle({ body, response, signal }) {
        const { inputs, isSingle } = listPairs(body.inputs);
        const model = await modelNamed(serving, body.model);
        const scorer = scorerOf(model, "/predict");
        const { results } = await serveInputs(
          serving,
          { model, inputs: inputs.map(plain), inputField: "inputs", response, signal },
          (_, common): Promise<Scored<readonly LabelScore[] | readonly LabelledSpan[]>> => {
            const options = { ...common, ...cut(body), rawScores: body.raw_scores };
            return scorer.task.name === "token-classification"
              ? scorer.tag(inputs, options)
              : scorer.classify(inputs, options);
          },
        );
        return isSingle ? results[0] : results;
      },
    }),
    postRoute({
      path: "/rerank",
      family: "native",
      summary: "Texts in the order in which they answer a query, by a cross-encoder.",
      request: rerankSchema,
      response: z
        .array(z.object({ index: z.int(), score: z.number(), text: z.string().optional() }))
        .meta({ id: "RerankResponse" }),
      errors: ["unknown_model", "wrong_task", "model_too_large"],
      isInference: true,
      async handle({ body, response, signal }) {
        const model = await modelNamed(serving, body.model);
        const scorer = scorerOf(model, "/rerank");
        const inputs = body.texts.map((text): ScoreInput => [body.query, text]);
        const { results } = await serveInputs(
          serving,
          { model, inputs: body.texts, inputField: "texts", response, signal },
          (_, common) => scorer.classify(inputs, { ...common, ...cut(body), rawScores: body.raw_scores }),
        );
        return results
          .map(([best], index) => ({
            index,
            score: best!.score,
            ...(body.return_text ? { text: body.texts[index] } : {}),
          }))
          .toSorted((a, b) => b.score - a.score);
      },
    }),
    postRoute({
      path: "/next-sentence",
      family: "native",
      tag: "Stagecoach",
      summary: "Whether the second text of a pair follows the first.",
      request: nextSentenceSchema,
      response: z
        .array(z.object({ is_next: z.number().meta({ description: "probability" }) }))
        .meta({ id: "NextSentenceResponse" }),
      errors: ["unknown_model", "wrong_task", "model_too_large"],
      isInference: true,
      async handle({ body, response, signal }) {
        const { inputs } = listPairs(body.inputs);
        const model = await modelNamed(serving, body.model);
        const scorer = scorerOf(model, "/next-sentence");
        const { results } = await serveInputs(
          serving,
          { model, inputs: inputs.map(plain), inputField: "inputs", response, signal },
          (_, common) => scorer.classify(inputs, { ...common, ...cut(body), rawScores: false }),
        );
        return results.map((scores) => ({ is_next: scores.find(({ label }) => label === NEXT)!.score }));
      },
    }),
  ];
}

/** Class 0 of next-sentence prediction: the second text does follow. */
const NEXT = "LABEL_0";

/** As text-embeddings-inference reads it: two strings in one array are a pair. */
function listPairs(inputs: z.output<typeof predictSchema>["inputs"]): {
  readonly inputs: readonly ScoreInput[];
  readonly isSingle: boolean;
} {
  if (typeof inputs === "string") return { inputs: [inputs], isSingle: true };
  if (inputs.length === 2 && inputs.every((each) => typeof each === "string"))
    return { inputs: [inputs as [string, string]], isSingle: true };
  return {
    inputs: inputs.map((each) =>
      typeof each === "string" ? each : each.length === 1 ? each[0] : each,
    ) as ScoreInput[],
    isSingle: false,
  };
}

/** What counts against the limits of a request. */
export const plain = (input: ScoreInput): string => (typeof input === "string" ? input : input.join(" "));
