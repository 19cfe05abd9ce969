/**
 * @file Hyper-parameters of a job: OpenAI's three, and what else training a transformer encoder takes.
 *
 * Names are those of Hugging Face's TrainingArguments where it has one. What is left out is chosen by the task when the job
 * starts; nothing that is given is ignored.
 */
import { learningRateShapes, optimizerNames } from "@stagecoach/training";
import { hiddenLosses, similarities } from "@stagecoach/transformer";
import { z } from "zod";
import { knownKeys } from "./knownKeys.ts";

const auto = z.literal("auto");
const count = z.int().min(1);
const share = z.number().min(0).max(1);
const probability = z.number().min(0).lt(1);
const orAuto = <T extends z.ZodType>(schema: T, expected: string) =>
  z.union([auto, schema], { error: `expected "auto" or ${expected}` });

const learningRate = z
  .number({ error: "expected a number above 0 and up to 1, such as 0.00005" })
  .gt(0, { error: "expected a learning rate above 0 (5e-5 is usual): nothing is learned at 0" })
  .max(1, { error: "expected a learning rate of at most 1 (5e-5 is usual)" });

const fields = {
  n_epochs: orAuto(z.int().min(1).max(1000), "a whole number from 1 to 1000").meta({
    description: "passes over the training file",
  }),
  batch_size: orAuto(z.int().min(1).max(4096), "a whole number from 1 to 4096").meta({
    description: "examples of one micro-step; with gradient_accumulation_steps, of each of them",
  }),
  learning_rate_multiplier: orAuto(z.number().gt(0).max(1000), "a number above 0").meta({
    description:
      "factor on the task's default learning rate; not together with learning_rate, though a job that has begun tells both",
  }),
  learning_rate: learningRate.meta({ description: "learning rate at the end of the warm-up" }),
  lr_scheduler: z.enum(learningRateShapes).meta({ description: "what follows the warm-up" }),
  warmup_ratio: share.meta({
    description: "share of all steps in which the learning rate rises; not together with warmup_steps",
  }),
  warmup_steps: z.int().min(0).meta({ description: "steps in which the learning rate rises" }),
  max_steps: count.meta({ description: "stop after this many steps, whatever n_epochs says" }),
  optimizer: z.enum(optimizerNames).meta({
    description: "adamw, or lamb, which scales each weight's step to the weight: for large batches and learning rates",
  }),
  weight_decay: share.meta({ description: "decoupled weight decay; biases and norms have none" }),
  adam_beta1: probability,
  adam_beta2: probability,
  adam_epsilon: z.number().gt(0).max(1),
  max_grad_norm: z.number().min(0).meta({ description: "clip the gradients' global norm to this; 0 does not clip" }),
  max_length: z
    .int()
    .min(4)
    .max(1_000_000)
    .meta({ description: "tokens of a text; what is longer is cut and counted" }),
  seed: z
    .int()
    .min(0)
    .max(2_147_483_647)
    .meta({ description: "as the job's own seed, which is OpenAI's place for it" }),
  gradient_accumulation_steps: count.max(4096).meta({ description: "batches whose gradients make one step" }),
  micro_batches: orAuto(
    z.union([z.literal("by-length"), count.max(4096)]),
    '"by-length" or a number of parts from 1 to 4096',
  ).meta({
    description:
      "parts of similar lengths into which a step is cut; auto: 4, whatever the number of stages, so that it changes no byte; by-length: whatever is cheapest for the lengths of each step, best on one stage; more than 4 keep several stages busier",
  }),
  dropout: probability.meta({ description: "of hidden states; the model's own when left out" }),
  attention_dropout: probability.meta({ description: "of attention probabilities; the model's own when left out" }),
  classifier_dropout: probability.meta({ description: "before the head; the model's own when left out" }),
  freeze: z.array(z.string().min(1)).min(1).meta({
    description:
      "names of parameters that stay as they are: beginnings, such as embeddings or encoder.layer.0, or base_model, all but the head",
  }),
  cache_features: z.boolean().meta({
    description:
      "with freeze base_model: compute what the encoder gives for each text once, without its dropout, and train the head alone on that",
  }),
  lora_rank: count.max(1024).meta({
    description:
      "train adapters of this rank beside the layers instead of the model (LoRA), and the head; a learning rate of ten times the usual one suits them",
  }),
  lora_alpha: z.number().gt(0).max(100_000).meta({
    description: "adapters count lora_alpha / lora_rank times; lora_rank when left out",
  }),
  lora_targets: z.array(z.string().min(1)).min(1).meta({
    description:
      "linear layers with adapters: ends of their names, such as query or attention.output.dense, or all-linear; queries and values when left out",
  }),
  lora_dropout: probability.meta({
    description:
      "share of what adapters read that is dropped in training (the layers beside them read all); 0 when left out",
  }),
  lora_merge: z.boolean().meta({
    description:
      "false keeps the adapters beside the base instead of merging them: the model is then an adapter in peft's layout, and is served with its base's weights; true when left out",
  }),
  class_weights: z
    .union([z.literal("balanced"), z.record(z.string(), z.number().gt(0))], {
      error: 'expected "balanced", or an object from label to weight',
    })
    .meta({ description: "weights of the classes in the loss" }),
  label_smoothing_factor: probability.meta({
    description: "share of each label that all classes get alike, in the loss that is trained (torch's formula)",
  }),
  distillation_temperature: z.number().gt(0).max(1000).meta({
    description:
      "with a teacher of classes: by what both models' logits are divided before they are compared; 2 when left out",
  }),
  distillation_alpha: share.meta({
    description:
      "with a teacher of classes: share of what it says in the loss, the labels have the rest; 0.5 when left out",
  }),
  distillation_hidden: z.enum(hiddenLosses).meta({
    description:
      "with a teacher of the same tokens: learn its hidden states too, by TinyBERT's mean squared error (mse; where widths differ with a projection that is forgotten in the end), or DistilBERT's cosine",
  }),
  distillation_hidden_weight: z.number().gt(0).max(1000).meta({
    description: "with distillation_hidden: of that in the loss; 1 when left out",
  }),
  distillation_layers: z
    .array(
      z.string().regex(/^\d{1,4}:\d{1,4}$/, {
        error: "expected STUDENT:TEACHER, two numbers of layers, 0 for the embeddings, such as 2:6",
      }),
    )
    .min(1)
    .meta({
      description:
        "with distillation_hidden: which hidden states are compared, STUDENT:TEACHER, 0 what the embeddings give, k what the k-th layer does; all of the student's with the teacher's evenly spread when left out",
    }),
  distillation_cache_gb: z.number().gt(0).max(100_000).meta({
    description:
      "with distillation_hidden: most gigabytes of hidden states to keep, in float16, in the job's folder; 20 when left out",
  }),
  group_by_length: z.boolean().meta({ description: "put texts of similar length into one batch" }),
  recompute: z
    .boolean()
    .meta({ description: "compute activations again in the backward pass: less memory, more time" }),
  eval_steps: count.meta({ description: "steps between evaluations; an epoch when left out" }),
  checkpoint_steps: count.meta({ description: "steps between checkpoints" }),
  logging_steps: count.meta({ description: "steps between events with the training loss" }),
  validation_split: z
    .number()
    .gt(0)
    .max(0.5)
    .meta({ description: "share of the training file to validate on, where there is no validation file" }),
  test_split: z.number().gt(0).max(0.5).meta({
    description: "share of the training file to test the best model on at the end; neither trained nor validated on",
  }),
  early_stopping_patience: count.meta({ description: "evaluations without improvement after which training stops" }),
  early_stopping_threshold: z.number().min(0).meta({ description: "what counts as an improvement" }),
  metric_for_best_model: z.string().min(1).meta({ description: "metric by which the best checkpoint is chosen" }),
  bad_rows: z.enum(["error", "skip"]).meta({
    description: "what a row that cannot be used does: stop the job before it trains, or be left out and counted",
  }),
  mlm_probability: probability.gt(0).meta({ description: "share of tokens to predict (masked-lm, pretraining)" }),
  whole_word_mask: z.boolean().meta({ description: "mask whole words (masked-lm, pretraining)" }),
  similarity: z.enum(similarities).meta({
    description: "how in-batch negatives are compared (sentence-embedding); cosine when left out",
  }),
  similarity_scale: z.number().gt(0).max(1000).meta({
    description:
      "factor on similarities before their softmax (sentence-embedding): the reciprocal of a temperature; 20 for cosines, 1 for dot products when left out",
  }),
  matryoshka_dimensions: z.array(count.max(65_536)).min(1).max(16).meta({
    description:
      "sizes to which vectors can be cut later (sentence-embedding): each has a loss of its own; name the full size too",
  }),
  doc_stride: count.meta({ description: "tokens of the context that neighbouring windows share (question-answering)" }),
};

type Optional<Fields extends Record<string, z.ZodType>> = { [K in keyof Fields]: z.ZodOptional<Fields[K]> };

/** Every field may be left out. */
function optional<Fields extends Record<string, z.ZodType>>(given: Fields): Optional<Fields> {
  return Object.fromEntries(
    Object.entries(given).map(([name, schema]) => [name, schema.optional()]),
  ) as Optional<Fields>;
}

export const hyperparametersSchema = knownKeys(optional(fields))
  .superRefine((given, context) => {
    for (const [one, other] of exclusive) {
      if (isGiven(given[one]) && isGiven(given[other]))
        context.addIssue({ code: "custom", path: [one], message: `expected this or ${other}, got both` });
    }
    const { validation_split: validation = 0, test_split: tested = 0 } = given;
    if (validation + tested >= 1) {
      const message = `expected less than 1 together with validation_split, got ${tested} and ${validation}`;
      context.addIssue({ code: "custom", path: ["test_split"], message });
    }
    if (given.early_stopping_threshold !== undefined && given.early_stopping_patience === undefined) {
      const message = "it says nothing without early_stopping_patience";
      context.addIssue({ code: "custom", path: ["early_stopping_threshold"], message });
    }
  })
  .meta({ id: "Hyperparameters" });

const exclusive = [
  ["learning_rate", "learning_rate_multiplier"],
  ["warmup_ratio", "warmup_steps"],
] as const;

/** What is wrong with a share for validation beside a file of its own; null where nothing is. */
export function splitProblem(given: Hyperparameters | null | undefined, hasFile: boolean): string | null {
  return hasFile && given?.validation_split !== undefined
    ? "it says nothing beside a file to validate on (leave one of the two out)"
    : null;
}

const isGiven = (value: unknown) => value !== undefined && value !== "auto";

export type Hyperparameters = z.output<typeof hyperparametersSchema>;
