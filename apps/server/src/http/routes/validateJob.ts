/** @file `/v1/fine_tuning/jobs/validate`: what a job would come to, before it is made; not OpenAI's. */
import { taskNames } from "@stagecoach/transformer";
import { z } from "zod";
import { nothingChecked, type JobCheck } from "../../jobs/jobRunner.ts";
import type { LazyJobs } from "../../jobs/lazyJobs.ts";
import { trainingRequestSchema } from "../../jobs/trainingRequest.ts";
import { postRoute, type Misfit, type Route } from "../route.ts";
import { columnsSchema, dataProblemFields } from "./filePreview.ts";

const count = z.int().nullable();

const validationSchema = z
  .object({
    object: z.literal("fine_tuning.job.validation"),
    valid: z.boolean().meta({ description: "whether the job would begin to train" }),
    problems: z.array(
      z.object({
        ...dataProblemFields,
        param: z.string().nullable().meta({ description: "the field of the request that is to blame" }),
        file: z.string().nullable().meta({ description: "name of the data file" }),
      }),
    ),
    warnings: z.array(z.string()),
    task: z.enum(taskNames).nullable(),
    columns: columnsSchema,
    labels: z
      .array(z.object({ name: z.string(), count: z.int() }))
      .nullable()
      .meta({
        description: "of the examples to train on, the most frequent first; of token classification, of tokens",
      }),
    examples: count.meta({ description: "to train on; null, as the other numbers, where the job does not get so far" }),
    validation_examples: count,
    test_examples: count,
    skipped: count.meta({ description: "rows that are left out because they are bad" }),
    truncated: count.meta({ description: "rows of which text is cut off" }),
    steps: count.meta({ description: "of the run; of a search, of its first run" }),
  })
  .meta({ id: "FineTuningJobValidation" });

/** Whatever else is wrong, these say what the request is about. */
const namesJob = z.looseObject({ model: z.string(), training_file: z.string() });

export function validateJobRoute(lazy: LazyJobs): Route {
  return postRoute({
    family: "openai",
    isInference: false,
    path: "/v1/fine_tuning/jobs/validate",
    summary: "Check a job without making it: its settings, its columns and every line of its data; not OpenAI's.",
    request: trainingRequestSchema,
    response: validationSchema,
    errors: ["overloaded", "jobs_unavailable"],
    onMisfit: (misfits, body) => (namesJob.safeParse(body).success ? card(refused(misfits)) : undefined),
    async handle({ body, signal }) {
      const jobs = await lazy.get();
      return card(await jobs.validate(body, signal));
    },
  });
}

function refused(misfits: readonly Misfit[]): JobCheck {
  const place = { file: null, line: null, column: null };
  return { ...nothingChecked, problems: misfits.map(({ message, field }) => ({ message, param: field, ...place })) };
}

function card({ problems, validationExamples, testExamples, ...check }: JobCheck) {
  return {
    object: "fine_tuning.job.validation",
    valid: problems.length === 0,
    problems,
    ...check,
    validation_examples: validationExamples,
    test_examples: testExamples,
  };
}
