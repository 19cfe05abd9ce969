/** @file `/v1/fine_tuning/jobs/{fine_tuning_job_id}/evaluation`: where a finished job's model is wrong; not OpenAI's. */
import { taskNames } from "@stagecoach/transformer";
import { z } from "zod";
import type { JobEvaluation } from "../../jobs/jobEvaluation.ts";
import type { LazyJobs } from "../../jobs/lazyJobs.ts";
import { leavingSignal, queryRoute, type Route } from "../route.ts";

const splits = z.enum(["validation", "test"]);

const evaluationQuery = z.strictObject({
  split: splits.optional().meta({ description: "validation, where there was one, when left out" }),
});

const value = z.union([z.string(), z.number(), z.array(z.string()), z.array(z.number())]);

const evaluationSchema = z
  .object({
    object: z.literal("fine_tuning.job.evaluation"),
    task: z.enum(taskNames),
    split: splits,
    step: z.int().meta({ description: "of the checkpoint that became the model" }),
    labels: z.array(z.string()),
    confusion: z.array(z.array(z.int())).nullable().meta({
      description:
        "examples (of token classification: tokens) by expected label (row) and predicted one (column); null without classes, for several labels a text, and for more than 100",
    }),
    classes: z
      .array(
        z.object({
          label: z.string(),
          precision: z.number(),
          recall: z.number(),
          f1: z.number(),
          support: z.int(),
        }),
      )
      .nullable(),
    mistakes: z
      .array(
        z.object({
          text: z.string().nullable().meta({ description: "null when the job's file is not there any more" }),
          text_pair: z.string().nullable().meta({ description: "of a question its context" }),
          line: z.int().nullable().meta({ description: "of the job's file" }),
          expected: value,
          predicted: value,
          score: z.number().meta({
            description:
              "how wrong: the probability of what was predicted, the number of wrong labels or tags, the absolute error, or how much of an answer's F1 is missing",
          }),
        }),
      )
      .meta({ description: "the most wrong first, at most 50" }),
    num_mistakes: z.int().meta({ description: "all of them" }),
    metrics: z.record(z.string(), z.number().nullable()),
  })
  .meta({ id: "FineTuningJobEvaluation" });

export function jobEvaluationRoute(lazy: LazyJobs): Route {
  return queryRoute({
    family: "openai",
    isInference: false,
    path: "/v1/fine_tuning/jobs/{fine_tuning_job_id}/evaluation",
    summary:
      "Where the model of a job is wrong, on the data that it was evaluated or tested on; deleted with the model; not OpenAI's.",
    query: evaluationQuery,
    response: evaluationSchema,
    errors: ["invalid_input", "not_found", "overloaded", "jobs_unavailable"],
    async handle({ query, request, response }) {
      const jobs = await lazy.get();
      const id = String(request.params["fine_tuning_job_id"]);
      return card(await jobs.evaluation(id, { split: query.split, signal: leavingSignal(response) }));
    },
  });
}

function card({ numMistakes, ...evaluation }: JobEvaluation) {
  return { object: "fine_tuning.job.evaluation", ...evaluation, num_mistakes: numMistakes };
}
