/**
 * @file An encoder with a task, and the fields of config.json that say which task that is.
 *
 * Fields and their defaults are transformers': `architectures`, `problem_type`, `id2label`, `label2id`, `num_labels`.
 * `num_choices` is ours; transformers keeps it and does not read it.
 */
import { JsonFields } from "../config.ts";
import type { EncoderModel } from "../encoderModel.ts";
import { ModelConfigError, UnsupportedModelError } from "../errors.ts";
import { problemTypes, taskNames, type ProblemType, type Task, type TaskName } from "./task.ts";
import { taskFamilyOf } from "./taskFamilies.ts";

export type TaskModel = EncoderModel & { readonly task: Task };

/** How transformers' class names end. */
const architectureSuffixes: Readonly<Record<TaskName, string>> = {
  "sequence-classification": "ForSequenceClassification",
  "token-classification": "ForTokenClassification",
  "question-answering": "ForQuestionAnswering",
  "multiple-choice": "ForMultipleChoice",
  "masked-lm": "ForMaskedLM",
  "next-sentence": "ForNextSentencePrediction",
  pretraining: "ForPreTraining",
  "sentence-embedding": "Model",
};

type HeadedTask = Exclude<TaskName, "sentence-embedding">;
/** Tasks whose models have a class of their own. Models of sentence vectors are base models; modules.json says what they are. */
const headedTasks = taskNames.filter((name): name is HeadedTask => name !== "sentence-embedding");

/** transformers' `num_labels` where the config says nothing. */
const DEFAULT_LABELS = 2;

/**
 * The task that a model was trained for.
 *
 * @param json - content of `config.json`
 * @returns null for a base model, and for an architecture that has none of our tasks
 * @throws ModelConfigError for labels that do not fit, and for a masked-LM decoder that is not tied to the embeddings
 */
export function readTask(json: unknown): Task | null {
  const fields = new JsonFields("config.json", json);
  const architectures = fields.get("architectures");
  const [architecture] = Array.isArray(architectures) ? (architectures as unknown[]) : [];
  const name = headedTasks.find(
    (each) => typeof architecture === "string" && architecture.endsWith(architectureSuffixes[each]),
  );
  switch (name) {
    case "sequence-classification": {
      const numLabels = readLabels(json).length;
      return { name, problemType: readProblemType(fields, numLabels), numLabels };
    }
    case "token-classification":
      return { name, numLabels: readLabels(json).length };
    case "multiple-choice":
      return { name, numChoices: fields.count("num_choices", { fallback: DEFAULT_LABELS, minimum: 2 }) };
    case "masked-lm":
    case "pretraining":
      if (!fields.flag("tie_word_embeddings", true)) {
        throw new ModelConfigError(
          `config.json: "tie_word_embeddings": only true is implemented for ${name}, got false`,
        );
      }
      return { name };
    case "question-answering":
    case "next-sentence":
      return { name };
    case undefined:
      break;
  }
  return null;
}

/** transformers decides at the first batch when `problem_type` is missing: one label is regression, several are classes. */
function readProblemType(fields: JsonFields, numLabels: number): ProblemType {
  return fields.choice("problem_type", problemTypes, numLabels === 1 ? "regression" : "single_label_classification");
}

/**
 * Names of a model's labels, by number (`id2label`); `LABEL_0`, `LABEL_1`, ... where the config has only a number.
 *
 * @param json - content of `config.json`
 * @throws ModelConfigError when `id2label` does not name every number from 0
 */
export function readLabels(json: unknown): readonly string[] {
  const fields = new JsonFields("config.json", json);
  if (!fields.has("id2label")) return defaultLabels(fields.count("num_labels", { fallback: DEFAULT_LABELS }));
  const names = new JsonFields('config.json: "id2label"', fields.get("id2label"));
  const numLabels = Object.keys(fields.get("id2label") as object).length;
  if (numLabels === 0) throw new ModelConfigError('config.json: "id2label": expected at least one label, got none');
  return Array.from({ length: numLabels }, (_, label) => names.text(String(label)));
}

/** transformers' class for this model: `BertForSequenceClassification`. @throws UnsupportedModelError */
export function architectureOf({ family, config, task }: TaskModel): string {
  const { classPrefixes, hasNextSentence } = taskFamilyOf(family);
  if (!hasNextSentence && (task.name === "next-sentence" || task.name === "pretraining")) {
    throw new UnsupportedModelError(
      `task ${task.name}: only BERT has next-sentence prediction, got a model of type "${config.modelType}" (choose masked-lm, or a BERT)`,
    );
  }
  return `${classPrefixes[config.modelType]}${architectureSuffixes[task.name]}`;
}

/**
 * Fields of config.json that say what a trained model is for. Spread them over the base model's config: a field that does
 * not belong to the task is there as `undefined`, so that JSON leaves the base model's own out.
 *
 * @param labels - names of the labels by number; only for classification, `LABEL_0`, ... by default
 * @throws ModelConfigError when there are not as many labels as the task has, or two of one name
 */
export function taskConfigFields(model: TaskModel, labels?: readonly string[]): Readonly<Record<string, unknown>> {
  const { task } = model;
  const none = {
    id2label: undefined,
    label2id: undefined,
    num_labels: undefined,
    problem_type: undefined,
    num_choices: undefined,
  };
  const architectures = [architectureOf(model)];
  if (task.name === "multiple-choice") return { ...none, architectures, num_choices: task.numChoices };
  if (!("numLabels" in task)) return { ...none, architectures };
  const names = labels ?? defaultLabels(task.numLabels);
  expectLabels(names, task.numLabels);
  return {
    ...none,
    architectures,
    id2label: Object.fromEntries(names.map((name, label) => [String(label), name])),
    label2id: Object.fromEntries(names.map((name, label) => [name, label])),
    ...(task.name === "sequence-classification" ? { problem_type: task.problemType } : {}),
  };
}

function expectLabels(names: readonly string[], numLabels: number): void {
  if (names.length !== numLabels) {
    throw new ModelConfigError(`labels: expected ${numLabels} names, one per label of the task, got ${names.length}`);
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new ModelConfigError(`labels: expected a name of its own for each label, got "${twice}" twice`);
}

const defaultLabels = (numLabels: number): string[] =>
  Array.from({ length: numLabels }, (_, label) => `LABEL_${label}`);
