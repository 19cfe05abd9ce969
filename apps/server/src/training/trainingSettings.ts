/**
 * @file A training job as JSON: what the command line and the gateway's jobs give to runJob.ts, and what a job's folder keeps.
 *
 * The hyper-parameters are those of HTTP jobs (jobs/hyperparameters.ts), with their names, bounds and descriptions.
 */
import { engineNames } from "@stagecoach/engine/node";
import { dataFormats } from "@stagecoach/training";
import { z } from "zod";
import { DEFAULT_MODEL } from "../config/settings.ts";
import { splitProblem } from "../jobs/hyperparameters.ts";
import { knownKeys } from "../jobs/knownKeys.ts";
import { searchProblem } from "../jobs/searchSchema.ts";
import { supervisedFields, teacherFields } from "../jobs/trainingRequest.ts";

const dataFile = knownKeys({
  path: z.string().min(1),
  /** What messages call it, and what its format is known by; default: the path. */
  name: z.string().min(1).optional(),
  format: z.enum(dataFormats).optional(),
  /** Of a data set's folder. */
  config: z.string().min(1).optional(),
});

export const trainingSettingsSchema = knownKeys({
  ...supervisedFields,
  name: z
    .string()
    .regex(/^\w[\w.-]{0,63}$/, {
      error: "expected a kind of task, or a name of 1 to 64 letters, digits, dots, dashes and underscores",
    })
    .optional()
    .meta({ description: "what the model is called in its card" }),
  model: z.string().min(1).default(DEFAULT_MODEL).meta({ description: "folder or hub id of the model to start from" }),
  revision: z.string().min(1).optional().meta({ description: "branch, tag or commit of a hub model" }),
  data: dataFile.meta({
    description:
      "file to train on: JSONL, JSON, CSV, TSV or text, also gzipped, or Parquet; or the folder of a data set",
  }),
  evaluation_data: dataFile.optional().meta({ description: "file to evaluate on" }),
  test_data: dataFile.optional().meta({ description: "file to test the best model on at the end" }),
  teacher: knownKeys({
    model: z
      .string()
      .min(1)
      .meta({ description: "folder or hub id of the model whose vectors, or logits, are learned" }),
    name: z.string().min(1).optional().meta({ description: "what the card calls it; the model when left out" }),
    revision: z.string().min(1).optional().meta({ description: "branch, tag or commit of a hub model" }),
    ...teacherFields,
  })
    .optional()
    .meta({
      description: "sentence-embedding, sequence-classification of labels, token-classification: a model to learn from",
    }),
  replace_head: supervisedFields.replace_head.unwrap().default(false),
  stages: z.int().min(1).max(256).default(1).meta({ description: "stages of the training pipeline" }),
  engine: z.enum(engineNames).default("onnxruntime").meta({ description: "what multiplies matrices" }),
  threads: z.int().min(1).max(1024).optional().meta({
    description: "threads of each stage; the cores, divided by the stages, when left out",
  }),
  seed: z.int().min(0).max(2_147_483_647).default(42).meta({
    description: "of the order of the data, the split, dropout and new weights",
  }),
  keep_checkpoints: z.int().min(1).max(10_000).default(2).meta({
    description: "newest checkpoints to keep, besides the best one",
  }),
})
  .superRefine(({ hyperparameters, evaluation_data, search }, context) => {
    const beside = { hyperparameters: hyperparameters ?? {}, hasEvaluationFile: evaluation_data !== undefined };
    const searched = searchProblem(search, beside);
    if (searched !== null) context.addIssue({ code: "custom", path: ["search"], message: searched });
    const message = splitProblem(hyperparameters, evaluation_data !== undefined);
    if (message === null) return;
    context.addIssue({ code: "custom", path: ["hyperparameters", "validation_split"], message });
  })
  .meta({ id: "TrainingSettings" });

export type TrainingSettings = z.output<typeof trainingSettingsSchema>;
export type TrainingSettingsInput = z.input<typeof trainingSettingsSchema>;
