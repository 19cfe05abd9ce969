/**
 * @file What a client asks for with `POST /v1/fine_tuning/jobs`: OpenAI's fields, and ours in `method.supervised`.
 *
 * OpenAI's openapi.yaml (2026-08). Optional fields may also be null, as several clients send them.
 */
import { scheduleNames } from "@stagecoach/parallel";
import { roles, type Role } from "@stagecoach/training";
import { problemTypes, taskNames, teacherLosses } from "@stagecoach/transformer";
import { z } from "zod";
import { hyperparametersSchema, splitProblem, type Hyperparameters } from "./hyperparameters.ts";
import { knownKeys } from "./knownKeys.ts";
import { searchProblem, searchSchema } from "./searchSchema.ts";

const columns = knownKeys(
  Object.fromEntries(roles.map((role) => [role, z.string().min(1).optional()])) as Record<
    Role,
    z.ZodOptional<z.ZodString>
  >,
).meta({
  id: "ColumnMap",
  description: "which column of the file has which role; known names are found by themselves",
});

const head = knownKeys({
  problem_type: z
    .enum(problemTypes)
    .optional()
    .meta({ description: "sequence-classification: as in transformers' config" }),
  labels: z.array(z.string().min(1)).min(1).max(10_000).optional().meta({
    description: "all labels, in the order of the model's outputs; those of the training file, sorted, when left out",
  }),
}).meta({ id: "TrainingHead" });

/** What is learned of a teacher, whoever it is. */
export const teacherFields = {
  match: z.enum(teacherLosses).optional().meta({
    description:
      "sentence-embedding: vectors, when left out: each is the teacher's, in as many dimensions as the student has; similarities: the cosines of all texts of a step are",
  }),
  weight: z.number().gt(0).max(1000).optional().meta({
    description: "sentence-embedding: of what the teacher says, beside the pairs; 1 when left out",
  }),
};

const teacher = knownKeys({
  model: z.string().min(1).meta({ description: "the served model, or one that a job has made" }),
  ...teacherFields,
}).meta({
  id: "Teacher",
  description:
    "a model to learn from: of sentence vectors (sentence-embedding), or a classifier with the job's labels (sequence-classification but regression, token-classification)",
});

export const supervisedFields = {
  hyperparameters: hyperparametersSchema.nullish(),
  task: z.enum(taskNames).optional().meta({ description: "guessed from the file's columns when left out" }),
  head: head.optional(),
  replace_head: z
    .boolean()
    .meta({ description: "begin with a new head where the model's has another size, instead of refusing the model" })
    .optional(),
  columns: columns.optional(),
  search: searchSchema.optional().meta({
    description: "train many times, with other hyper-parameters or on other folds of the data, and keep the best model",
  }),
  stages: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .meta({ description: "stages of the training pipeline; the server's --training-stages when left out" }),
  schedule: z.enum(scheduleNames).optional().meta({
    description:
      "order of forward and backward passes in the pipeline; 1f1b when left out, for in-batch negatives gpipe, which is the only one that they take",
  }),
};

const supervised = knownKeys({ ...supervisedFields, teacher: teacher.optional() }).meta({ id: "SupervisedMethod" });

const method = knownKeys({
  type: z.literal("supervised", { error: 'expected "supervised": other methods are for models that generate text' }),
  supervised: supervised.nullish(),
}).meta({ id: "FineTuneMethod" });

const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((given) => Object.keys(given).length <= 16, { error: "expected at most 16 keys" });

export const trainingRequestSchema = knownKeys({
  model: z.string().min(1).meta({ description: "the model to start from: the served one, or one that a job has made" }),
  training_file: z.string().min(1).meta({ description: "id of an uploaded file" }),
  validation_file: z.string().min(1).nullish(),
  suffix: z
    .string()
    .regex(/^[\w.-]{1,64}$/, { error: "expected 1 to 64 letters, digits, dots, dashes and underscores" })
    .nullish()
    .meta({ description: "part of the new model's name" }),
  seed: z.int().min(0).max(2_147_483_647).nullish(),
  method: method.nullish(),
  hyperparameters: hyperparametersSchema.nullish().meta({ description: "OpenAI's former place for them" }),
  metadata: metadata.nullish(),
  integrations: z
    .array(z.unknown())
    .max(0, { error: "this server has no integrations: events and metrics can be read from it" })
    .nullish(),
})
  .superRefine(({ method: given, hyperparameters, seed, validation_file }, context) => {
    const inMethod = given?.supervised?.hyperparameters;
    const beside = { hyperparameters: inMethod ?? hyperparameters ?? {}, hasEvaluationFile: validation_file != null };
    const searched = searchProblem(given?.supervised?.search, beside);
    if (searched !== null)
      context.addIssue({ code: "custom", path: ["method", "supervised", "search"], message: searched });
    const problem = splitProblem(inMethod ?? hyperparameters, validation_file != null);
    if (problem !== null) {
      const place = inMethod == null ? [] : ["method", "supervised"];
      const path = [...place, "hyperparameters", "validation_split"];
      context.addIssue({ code: "custom", path, message: problem });
    }
    if (inMethod != null && hyperparameters != null) {
      const message = "expected them here or in method.supervised, got both";
      context.addIssue({ code: "custom", path: ["hyperparameters"], message });
    }
    const other = (inMethod ?? hyperparameters)?.seed;
    if (seed != null && other !== undefined && other !== seed)
      context.addIssue({ code: "custom", path: ["seed"], message: `expected one seed, got ${seed} and ${other}` });
  })
  .meta({ id: "CreateFineTuningJobRequest" });

export type TrainingRequest = z.output<typeof trainingRequestSchema>;

/** What is to be trained, and how: kept with the job, and given to its runner. */
export type TrainingMethod = Omit<z.output<typeof supervised>, "hyperparameters"> & {
  readonly hyperparameters: Hyperparameters;
};

/** Seed of jobs that name none; it is told in the job. */
const DEFAULT_SEED = 42;

/** The request's method in one place, wherever the client has put its parts. OpenAI's three hyper-parameters are always there. */
export function methodOf(request: TrainingRequest): { readonly seed: number; readonly method: TrainingMethod } {
  const { hyperparameters: inMethod, ...rest } = request.method?.supervised ?? {};
  const { seed: otherSeed, ...given } = inMethod ?? request.hyperparameters ?? {};
  const unset = { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" } as const;
  return {
    seed: request.seed ?? otherSeed ?? DEFAULT_SEED,
    method: { ...rest, hyperparameters: { ...unset, ...given } },
  };
}
