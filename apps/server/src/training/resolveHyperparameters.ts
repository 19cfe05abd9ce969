/** @file What hyper-parameters become that nobody has given: defaults by task. */
import { adamWDefaults } from "@stagecoach/training";
import type { TaskName } from "@stagecoach/transformer";
import type { Hyperparameters } from "../jobs/hyperparameters.ts";

type TaskDefaults = { readonly epochs: number; readonly batchSize: number; readonly learningRate: number };

/** Fine-tuning as in BERT's paper (appendix A.3) and transformers' examples; pre-training of small models from scratch. */
const fineTuning: TaskDefaults = { epochs: 3, batchSize: 16, learningRate: 5e-5 };
const defaults: Readonly<Record<TaskName, TaskDefaults>> = {
  "sequence-classification": fineTuning,
  "token-classification": fineTuning,
  "question-answering": { epochs: 2, batchSize: 16, learningRate: 3e-5 },
  "multiple-choice": fineTuning,
  "masked-lm": { ...fineTuning, batchSize: 32 },
  "next-sentence": fineTuning,
  // The data has ten variants of each document: 40 passes as in BERT's paper.
  pretraining: { epochs: 4, batchSize: 32, learningRate: 1e-4 },
  // As in sentence-transformers' examples; the examples of a batch are each other's negatives.
  "sentence-embedding": { epochs: 1, batchSize: 64, learningRate: 2e-5 },
};

/**
 * Micro-batches of a step where nobody says. The number decides in which order gradients are added: it does not depend on the number of
 * stages, so that the same seed gives the same bytes for every number. With four, 1F1B on two stages idles for a fifth of a step.
 */
const MICRO_BATCHES = 4;

/** Those that every run has. */
type Decided =
  | "batch_size"
  | "n_epochs"
  | "learning_rate"
  | "lr_scheduler"
  | "max_length"
  | "optimizer"
  | "weight_decay"
  | "adam_beta1"
  | "adam_beta2"
  | "adam_epsilon"
  | "max_grad_norm"
  | "gradient_accumulation_steps"
  | "group_by_length"
  | "recompute"
  | "bad_rows";

export type ResolvedHyperparameters = Omit<Hyperparameters, Decided | "micro_batches" | "learning_rate_multiplier"> & {
  readonly [Name in Decided]: Exclude<NonNullable<Hyperparameters[Name]>, "auto">;
} & {
  /** "by-length": as each step's lengths make it cheapest. */
  readonly micro_batches: number | "by-length";
};

/** A learning rate as OpenAI tells of it: as a factor on the task's default one, to twelve digits. */
export function learningRateMultiplier(task: TaskName, learningRate: number): number {
  return Number((learningRate / defaults[task].learningRate).toPrecision(12));
}

/**
 * @param facts.numExamples - of the training data: a batch that nobody has given is not larger
 * @param facts.maxLength - with which the data was encoded, given or not
 */
export function resolveHyperparameters(
  task: TaskName,
  given: Hyperparameters,
  facts: { readonly numExamples: number; readonly maxLength: number },
): ResolvedHyperparameters {
  const { epochs, batchSize, learningRate } = defaults[task];
  const { learning_rate_multiplier: multiplier, ...rest } = given;
  const chosen = <T>(value: T | "auto" | undefined, standard: T): T =>
    value === undefined || value === "auto" ? standard : value;
  const accumulation = given.gradient_accumulation_steps ?? 1;
  const hasWarmup = given.warmup_steps !== undefined || given.warmup_ratio !== undefined;
  return {
    ...rest,
    n_epochs: chosen(given.n_epochs, epochs),
    batch_size: chosen(
      given.batch_size,
      Math.max(1, Math.min(batchSize, Math.floor(facts.numExamples / accumulation))),
    ),
    learning_rate: given.learning_rate ?? learningRate * chosen(multiplier, 1),
    lr_scheduler: given.lr_scheduler ?? "linear",
    ...(hasWarmup ? {} : { warmup_ratio: 0.1 }),
    max_length: facts.maxLength,
    optimizer: given.optimizer ?? adamWDefaults.name,
    weight_decay: given.weight_decay ?? adamWDefaults.weightDecay,
    adam_beta1: given.adam_beta1 ?? adamWDefaults.beta1,
    adam_beta2: given.adam_beta2 ?? adamWDefaults.beta2,
    adam_epsilon: given.adam_epsilon ?? adamWDefaults.epsilon,
    max_grad_norm: given.max_grad_norm ?? 1,
    gradient_accumulation_steps: accumulation,
    micro_batches: chosen<number | "by-length">(given.micro_batches, MICRO_BATCHES),
    group_by_length: given.group_by_length ?? false,
    recompute: given.recompute ?? false,
    bad_rows: given.bad_rows ?? "error",
  };
}
