/** @file What a job's settings and data come to: the model with its task, how the stages train it, the batches of its steps. */
import {
  BatchedDataSet,
  TrainingError,
  type StageSettings,
  type TaskMetricOptions,
  type TrainingDataSet,
} from "@stagecoach/training";
import type { ScheduleName } from "@stagecoach/parallel";
import { openInitialParameters, type DataSets, type ExampleSet } from "@stagecoach/training/node";
import {
  readDropoutRates,
  readEncoderModel,
  withoutHidden,
  type DropoutRates,
  type Task,
  type TaskModel,
} from "@stagecoach/transformer";
import { jsonReader, layoutFingerprint } from "@stagecoach/transformer/node";
import { createHash } from "node:crypto";
import { withClassWeights, withLabelSmoothing } from "./classWeights.ts";
import { featureCacheOf, type FeatureCache } from "./featureCache.ts";
import { scheduleFor, withEmbeddingLoss } from "./embeddingTask.ts";
import { frozenParameters } from "./frozenParameters.ts";
import { expectWholeBase } from "./adapterBase.ts";
import { hiddenFields, withHidden } from "./hiddenStates.ts";
import { frozenByLora, loraOfJob } from "./loraOfJob.ts";
import { metricOptions } from "./metricOptions.ts";
import { microBatchRule } from "./microBatchRule.ts";
import { refuseUnused } from "./refuseUnused.ts";
import { resolveHyperparameters, type ResolvedHyperparameters } from "./resolveHyperparameters.ts";
import type { Teaching } from "./teacher.ts";
import type { TrainingSettings } from "./trainingSettings.ts";
import { distillationOf, withDistillation } from "./withDistillation.ts";

/** A set that is not trained on. */
export type EvaluatedSet = { readonly data: TrainingDataSet; readonly metrics: TaskMetricOptions };

export type JobPlan = {
  readonly model: TaskModel;
  readonly stageSettings: StageSettings;
  readonly hyperparameters: ResolvedHyperparameters;
  readonly train: TrainingDataSet;
  readonly evaluation: EvaluatedSet | null;
  readonly test: EvaluatedSet | null;
  /** Weights that are new: not in the base model. */
  readonly newWeights: readonly string[];
  /** Of all that decides the bytes of the result; the number of stages does not. */
  readonly fingerprint: string;
  /** Most tokens of a micro-batch. */
  readonly maxMicroBatchTokens: number;
  readonly schedule: ScheduleName;
  /** null: every step runs the whole model. */
  readonly features: FeatureCache | null;
};

const EVALUATION_BATCH = 32;

/** @param folder - of the base model @param data.teaching - the teacher, which need not have been asked yet @throws CheckpointError for a head of another size; TrainingError, DataError */
export async function planJob(
  folder: string,
  settings: TrainingSettings & { readonly threads: number },
  data: DataSets & { readonly teaching: Teaching | null },
): Promise<JobPlan> {
  const given = settings.hyperparameters ?? {};
  const encoder = await readEncoderModel(jsonReader(folder));
  const { teaching } = data;
  const weighted = withClassWeights(data.task, given.class_weights, data);
  const smoothed = withLabelSmoothing(weighted, given.label_smoothing_factor);
  const answers = teaching?.answers ?? null;
  const taught = withDistillation(smoothed, given, answers?.learned === "logits");
  const embedded = withEmbeddingLoss(taught, given, {
    ...encoder,
    teaching: answers?.learned === "vectors" ? answers : null,
  });
  const task = withHidden(embedded, given, teaching?.states ?? null);
  refuseUnused({ ...encoder, task }, settings);
  const { seed, replace_head: replaceHead } = settings;
  const initial = await openInitialParameters(folder, { task, seed, replaceHead });
  await initial.close();
  const lora = loraOfJob(initial.model, given, initial.missing);
  const model: TaskModel = { ...initial.model, lora };
  if (given.lora_merge === false) await expectWholeBase(folder);
  const hyperparameters = {
    ...resolveHyperparameters(task.name, given, {
      numExamples: data.train.examples.length,
      maxLength: data.train.encoded.maxLength,
    }),
    ...distillationOf(task),
    ...hiddenFields(task),
  };
  expectNegatives(task, hyperparameters);
  const stageSettings: StageSettings = {
    task,
    dropout: await dropoutOf(folder, model, hyperparameters),
    seed,
    optimizer: {
      name: hyperparameters.optimizer,
      beta1: hyperparameters.adam_beta1,
      beta2: hyperparameters.adam_beta2,
      epsilon: hyperparameters.adam_epsilon,
      weightDecay: hyperparameters.weight_decay,
    },
    freeze: frozenParameters(model, hyperparameters.freeze ?? [], {
      others: lora === undefined ? [] : frozenByLora(model, lora),
      missing: initial.missing,
    }),
    lora,
    recompute: hyperparameters.recompute,
    replaceHead,
  };
  const features = featureCacheOf(model, data, { given, freeze: stageSettings.freeze });
  const sets = dataSetsOf({ ...data, features }, { model, hyperparameters, seed });
  return {
    model,
    stageSettings,
    hyperparameters,
    ...sets,
    newWeights: initial.missing,
    fingerprint: fingerprintOf({
      stageSettings,
      hyperparameters,
      engine: settings.engine,
      threads: settings.threads,
      base: await layoutFingerprint(folder),
      data: [data.train, data.validation].map((set) => (set === undefined ? null : digestOf(set))),
      ...(data.test === undefined ? {} : { test: digestOf(data.test) }),
      ...(teaching === null ? {} : { teacher: teaching.fingerprint }),
    }),
    maxMicroBatchTokens: largestMicroBatch(data, hyperparameters),
    schedule: scheduleFor(task, settings.schedule),
    features,
  };
}

async function dropoutOf(
  folder: string,
  model: TaskModel,
  { cache_features: isCached, ...given }: ResolvedHyperparameters,
): Promise<DropoutRates | null> {
  const own = readDropoutRates(await jsonReader(folder)("config.json"), model);
  const rates = {
    hidden: isCached === true ? 0 : (given.dropout ?? own.hidden),
    attention: isCached === true ? 0 : (given.attention_dropout ?? own.attention),
    classifier: given.classifier_dropout ?? own.classifier,
    ...(model.lora?.dropout === undefined ? {} : { lora: model.lora.dropout }),
  };
  return Object.values(rates).every((rate) => rate === 0) ? null : rates;
}

type PlannedData = DataSets & Pick<JobPlan, "features"> & { readonly teaching: Teaching | null };

function dataSetsOf(
  { train, validation, test, labels, teaching, features }: PlannedData,
  run: { readonly model: TaskModel; readonly hyperparameters: ResolvedHyperparameters; readonly seed: number },
): Pick<JobPlan, "train" | "evaluation" | "test"> {
  const { model, hyperparameters, seed } = run;
  const { task } = model;
  const { batch_size, gradient_accumulation_steps, group_by_length, mlm_probability } = hyperparameters;
  const masked = { probability: mlm_probability, wholeWords: hyperparameters.whole_word_mask };
  const shared = { seed, task, masking: masked };
  const trained = new BatchedDataSet(train.encoded, {
    ...shared,
    ...answersOf(teaching, train),
    teacherStates: (example) => teaching!.states!.statesOf(train.encoded, example),
    features: features?.readerOf(train),
    examples: train.examples,
    batchSize: batch_size * gradient_accumulation_steps,
    ordering: group_by_length ? "by-length" : "shuffled",
    microBatches: microBatchRule(model.config, hyperparameters, largestBatch(train, batch_size)),
  });
  const evaluated = (set: ExampleSet | undefined): EvaluatedSet | null => {
    if (set === undefined) return null;
    const { encoded, examples } = set;
    const evaluationBatchSize = Math.min(EVALUATION_BATCH, examples.length);
    const given = { ...answersOf(teaching, set), features: features?.readerOf(set) };
    const own = { ...shared, task: withoutHidden(evaluatedTask(task, encoded)), ...given };
    const data = new BatchedDataSet(encoded, { ...own, examples, batchSize: 1, evaluationBatchSize });
    return { data, metrics: metricOptions(set, labels) };
  };
  return { train: trained, evaluation: evaluated(validation), test: evaluated(test) };
}

/** What the teacher says of a set, there when a batch is made. */
function answersOf(teaching: Teaching | null, { encoded }: ExampleSet) {
  const answers = teaching?.answers ?? null;
  if (answers === null) return {};
  return answers.learned === "vectors"
    ? { teacherVectors: () => answers.vectorsOf(encoded) }
    : { teacherLogits: (example: number) => answers.logitsOf(encoded, example) };
}

/** @throws TrainingError where nothing is compared with anything */
function expectNegatives(
  task: Task,
  { batch_size: size, gradient_accumulation_steps: batches }: ResolvedHyperparameters,
): void {
  if (task.name !== "sentence-embedding" || task.loss.name !== "in-batch-negatives") return;
  if (size * batches > 1 || task.numTexts > 2) return;
  const message = "batch size: expected at least 2, since the examples of a step are each other's negatives, got 1";
  throw new TrainingError("training_option", message);
}

/** Data to evaluate on may have fewer hard negatives, or none. @throws TrainingError where it has another kind of examples */
function evaluatedTask(task: Task, { task: own, report }: ExampleSet["encoded"]): Task {
  if (task.name !== "sentence-embedding" || own.name !== "sentence-embedding") return task;
  if (own.loss.name === task.loss.name) return { ...task, numTexts: own.numTexts };
  const columns = Object.values(report.columns).join(", ");
  throw new TrainingError(
    "training_option",
    `${report.file}: expected examples of the training file's kind (${task.loss.name}), got the columns ${columns} (${own.loss.name})`,
  );
}

/** Longest text times the texts of a batch. */
function largestBatch({ encoded }: ExampleSet, numTexts: number): number {
  return encoded.report.longest * numTexts;
}

/** Most tokens of a micro-batch, in training and in evaluation. */
function largestMicroBatch(
  { train, validation, test }: DataSets,
  { batch_size: batchSize }: ResolvedHyperparameters,
): number {
  const evaluated = [validation, test].map((set) => (set === undefined ? 0 : largestBatch(set, EVALUATION_BATCH)));
  return Math.max(largestBatch(train, batchSize), ...evaluated);
}

/** Lengths of all examples, and which of them the set has: texts that are changed a little are not noticed. */
function digestOf({ encoded, examples }: ExampleSet): string {
  return createHash("sha256").update(encoded.store.lengths).update(examples).digest("hex");
}

/** The order of an object's keys does not count. */
function fingerprintOf(facts: object): string {
  const sorted = (_: string, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash("sha256").update(JSON.stringify(facts, sorted)).digest("hex");
}
