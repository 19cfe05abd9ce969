/**
 * @file `/answer`: answers out of a text, in the shapes of Hugging Face's question-answering task (huggingface_hub's
 * `InferenceClient.question_answering`), with the numbers of transformers 4.57's pipeline.
 */
import { toCodePointOffsets } from "@stagecoach/tokenizer";
import type { RankedAnswer } from "@stagecoach/training";
import { z } from "zod";
import { EmptyInputError } from "../../embedding/errors.ts";
import { serveInputs } from "../embedRequest.ts";
import { postRoute, type Route } from "../route.ts";
import { modelField } from "../schemas.ts";
import { scorerOf } from "../scorerOf.ts";
import { modelNamed, type Serving } from "../serving.ts";

const MAX_TOP_K = 1000;

const questionSchema = z
  .strictObject({ question: z.string(), context: z.string().meta({ description: "the text that has the answer" }) })
  .meta({ id: "Question" });

const optionsSchema = z.strictObject({
  top_k: z.int().min(1).max(MAX_TOP_K).optional().meta({ description: "answers to each question; 1 by default" }),
  handle_impossible_answer: z
    .boolean()
    .optional()
    .meta({ description: 'let "" be an answer, with the probability that there is none; false by default' }),
  max_answer_len: z.int().min(1).optional().meta({ description: "in tokens; 15 by default" }),
  align_to_words: z
    .boolean()
    .optional()
    .meta({ description: "answers begin and end with whole words, and equal ones are added up; true by default" }),
  max_seq_len: z
    .int()
    .min(1)
    .optional()
    .meta({ description: "tokens of a window, question included; by default what the model takes, at most 384" }),
  doc_stride: z
    .int()
    .min(0)
    .optional()
    .meta({ description: "tokens of the context that windows share; by default half a window, at most 128" }),
  offset_unit: z
    .enum(["code_points", "utf16"])
    .optional()
    .meta({ description: "what start and end count: Unicode code points as Python does (default), or UTF-16 units" }),
});

const answerSchema = z
  .strictObject({
    inputs: z.union([questionSchema, z.array(questionSchema)]).meta({ description: "one question or several" }),
    ...optionsSchema.shape,
    parameters: optionsSchema
      .nullish()
      .meta({ description: "the same options as Hugging Face's clients send them; they count before those beside it" }),
    model: modelField,
  })
  .meta({ id: "AnswerRequest" });

const answer = z
  .object({
    score: z.number().meta({ description: "probability; more than 1 where windows that overlap agree" }),
    start: z.int().meta({ description: "place in the context" }),
    end: z.int().meta({ description: "place behind the last character" }),
    answer: z.string(),
  })
  .meta({ id: "Answer" });
const answers = z.array(answer).meta({ id: "Answers" });

export function answerRoute(serving: Serving): Route {
  return postRoute({
    path: "/answer",
    family: "native",
    tag: "Hugging Face tasks",
    summary: "Answers to questions out of a text: one, or with `top_k` a list, for each question.",
    request: answerSchema,
    response: z.union([answer, answers, z.array(answers)]).meta({ id: "AnswerResponse" }),
    errors: ["unknown_model", "wrong_task", "model_too_large"],
    isInference: true,
    async handle({ body, response, signal }) {
      const questions = Array.isArray(body.inputs) ? body.inputs : [body.inputs];
      expectTexts(questions);
      const given = { ...body, ...body.parameters };
      const { top_k: topK = 1, offset_unit: unit = "code_points" } = given;
      const model = await modelNamed(serving, body.model);
      const scorer = scorerOf(model, "/answer");
      const { results } = await serveInputs(
        serving,
        {
          model,
          inputs: questions.map(({ question, context }) => question + context),
          inputField: "inputs",
          response,
          signal,
        },
        (_, common) =>
          scorer.answer(questions, {
            ...common,
            topK,
            allowNoAnswer: given.handle_impossible_answer ?? false,
            maxAnswerLength: given.max_answer_len ?? 15,
            alignToWords: given.align_to_words ?? true,
            maxLength: given.max_seq_len,
            stride: given.doc_stride,
          }),
      );
      const cards = results.map((each, index) => cardsOf(each, questions[index]!.context, unit));
      const answered = topK === 1 ? cards.map(([best]) => best!) : cards;
      return Array.isArray(body.inputs) ? answered : answered[0];
    },
  });
}

/** @throws EmptyInputError */
function expectTexts(questions: readonly z.output<typeof questionSchema>[]): void {
  for (const [index, each] of questions.entries()) {
    const empty = (["question", "context"] as const).find((field) => each[field] === "");
    if (empty !== undefined)
      throw new EmptyInputError(`input ${index} is empty: expected a text as its ${empty}`, "inputs");
  }
}

function cardsOf(
  ranked: readonly RankedAnswer[],
  context: string,
  unit: "code_points" | "utf16",
): z.output<typeof answers> {
  const places = ranked.flatMap(({ start, end }) => [start, end]);
  const counted = unit === "utf16" ? places : toCodePointOffsets(context, places);
  return ranked.map(({ score, text }, index) => ({
    score,
    start: counted[2 * index]!,
    end: counted[2 * index + 1]!,
    answer: text,
  }));
}
