/** @file The flags of `stagecoach train`: one for each hyper-parameter (jobs/hyperparameters.ts), and those of the run. */
import { engineNames } from "@stagecoach/engine/node";
import { scheduleNames } from "@stagecoach/parallel";
import { dataFormats } from "@stagecoach/training";
import { problemTypes, taskNames, teacherLosses } from "@stagecoach/transformer";
import { Option } from "commander";
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { DEFAULT_MODEL } from "../config/settings.ts";
import { SettingsError } from "../config/loadSettings.ts";
import { hyperparametersSchema } from "../jobs/hyperparameters.ts";
import { trainingSettingsSchema, type TrainingSettings } from "../training/trainingSettings.ts";
import { camelCase } from "./camelCase.ts";
import { columnOption, columnsOf, dataConfigOption } from "./columnFlags.ts";
import { readTaskFlag } from "./runName.ts";
import { flagOfSearch, searchOf, searchOptions } from "./searchFlags.ts";

type Fields = typeof hyperparametersSchema.shape;
/** The seed is the run's own, and the bar shows every step. */
const otherFields = ["seed", "logging_steps"] as const;
type FieldName = Exclude<keyof Fields, (typeof otherFields)[number]>;

/** Where the usual name of a flag is another than the field's. */
const flagNames: Partial<Record<FieldName, string>> = {
  n_epochs: "epochs",
  lr_scheduler: "scheduler",
  early_stopping_patience: "patience",
  early_stopping_threshold: "patience-threshold",
  metric_for_best_model: "best-metric",
  bad_rows: "on-bad-line",
};

const fieldNames = (Object.keys(hyperparametersSchema.shape) as (keyof Fields)[]).filter(
  (name): name is FieldName => !otherFields.some((other) => other === name),
);

const flagOf = (name: FieldName): string => flagNames[name] ?? name.replaceAll("_", "-");

/** Flags that are no hyper-parameters, by their key in TrainingSettings or, for files and the head, beside it. */
export type TrainFlags = Readonly<Record<string, unknown>> & {
  readonly data?: string;
  readonly task?: string;
  readonly evalData?: string;
  readonly testData?: string;
  readonly output?: string;
  readonly resume?: string;
};

export function trainOptions(): Option[] {
  const number = (flags: string, help: string) => new Option(flags, help).argParser(Number);
  return [
    new Option(
      "--task <kind|name>",
      `what to learn: ${taskNames.join(", ")}; or a name of your own for the run: then, and when left out, the kind is guessed from the columns`,
    ),
    new Option(
      "--data <file>",
      "file to train on: JSONL, JSON, CSV, TSV or text, also gzipped, or Parquet; or the folder of a data set from the hub",
    ),
    new Option("--eval-data <file>", "file to evaluate on"),
    new Option("--test-data <file>", "file to test the best model on at the end"),
    new Option("--format <format>", "of the data files; by their names when left out").choices(dataFormats),
    dataConfigOption(),
    columnOption(),
    new Option("--model <dir|id>", `folder or hub id of the model to start from (default: ${DEFAULT_MODEL})`),
    new Option("--revision <rev>", "branch, tag or commit of a hub model"),
    new Option(
      "--output <dir>",
      "new folder for checkpoints and the model (default: named after the task or the data file)",
    ),
    new Option("--resume <dir>", "go on with the run in this folder"),
    new Option(
      "--labels <names>",
      "all labels in order, with commas; those of the data, sorted, when left out",
    ).argParser((value) => value.split(",")),
    new Option("--problem-type <type>", "kind of sequence classification; by the labels when left out").choices(
      problemTypes,
    ),
    new Option(
      "--teacher <dir|id>",
      "model whose vectors are to be learned (sentence-embedding), or a classifier whose logits are (sequence-classification)",
    ),
    new Option(
      "--teacher-match <what>",
      "what of its vectors: themselves, or similarities of texts with each other (default: vectors)",
    ).choices(teacherLosses),
    number("--teacher-weight <n>", "of what the teacher says, beside the pairs' own loss (default: 1)"),
    ...searchOptions(),
    new Option("--replace-head", "begin with a new head where the model's has another size"),
    number("--stages <n>", "stages of the pipeline (default: 1)"),
    new Option(
      "--schedule <name>",
      "order of passes in the pipeline (default: 1f1b; for in-batch negatives gpipe)",
    ).choices(scheduleNames),
    new Option("--engine <name>", "what multiplies matrices (default: onnxruntime)").choices(engineNames),
    number("--threads <n>", "threads of each stage (default: the cores, divided by the stages)"),
    number("--seed <n>", "of order, split, dropout and new weights (default: 42)"),
    number("--keep-checkpoints <n>", "newest checkpoints to keep, besides the best one (default: 2)"),
    ...fieldNames.flatMap(hyperparameterOptions),
  ];
}

/** Of what is done unless one says no; commander takes a flag that only says no for one that is always given. */
function hyperparameterOptions(name: FieldName): Option[] {
  if (name !== "lora_merge") return [hyperparameterOption(name)];
  const help =
    "keep the adapters beside the model that they start from: what is written is an adapter in peft's layout";
  return [new Option(`--${flagOf(name)}`).hideHelp(), new Option(`--no-${flagOf(name)}`, help)];
}

function hyperparameterOption(name: FieldName): Option {
  const field = hyperparametersSchema.shape[name];
  const inner: z.ZodType = field.unwrap();
  const help = field.unwrap().meta()?.description ?? name.replaceAll("_", " ");
  const flag = `--${flagOf(name)}`;
  if (inner instanceof z.ZodBoolean) return new Option(flag, help);
  const option = new Option(`${flag} <value>`, help);
  if (inner instanceof z.ZodArray) {
    const isNumber = inner.element instanceof z.ZodNumber;
    return option.argParser((text: string, before: readonly unknown[] | undefined) => [
      ...(before ?? []),
      isNumber ? parseValue(text, flag) : text,
    ]);
  }
  return option.argParser((text: string) => parseValue(text, flag));
}

/** A number where it is one, an object where it is JSON, else the text. */
function parseValue(text: string, flag: string): unknown {
  const value = text.trim();
  if (value !== "" && Number.isFinite(Number(value))) return Number(value);
  if (!value.startsWith("{")) return text;
  try {
    return JSON.parse(value);
  } catch {
    throw new SettingsError(`${flag}: expected JSON, got ${text}`);
  }
}

/** @throws SettingsError with every problem, named by its flag */
export function settingsOf(flags: TrainFlags): TrainingSettings {
  if (flags.data === undefined) throw new SettingsError("--data: expected a file to train on, got none");
  const given: Record<string, unknown> = {};
  for (const name of fieldNames) {
    const value = flags[camelCase(flagOf(name))];
    if (value !== undefined) given[name] = value;
  }
  const format = flags["format"];
  const file = (path: string | undefined) =>
    path === undefined ? undefined : { path: resolve(path), name: path, format, config: configFor(path, flags) };
  const { task, evalData, testData, column, labels, problemType, replaceHead, keepCheckpoints } = flags;
  const head = { problem_type: problemType, labels };
  const parsed = trainingSettingsSchema.safeParse({
    ...(task === undefined ? {} : readTaskFlag(task)),
    ...pick(flags, ["model", "revision", "stages", "schedule", "engine", "threads", "seed"]),
    data: file(flags.data),
    evaluation_data: file(evalData),
    test_data: file(testData),
    columns: column === undefined ? undefined : columnsOf(column as readonly string[]),
    teacher: teacherOf(flags),
    search: searchOf(flags, { fieldOf, parseValue }),
    head: problemType === undefined && labels === undefined ? undefined : head,
    replace_head: replaceHead,
    keep_checkpoints: keepCheckpoints,
    hyperparameters: given,
  });
  if (parsed.success) return parsed.data;
  throw new SettingsError(
    parsed.error.issues.map((issue) => `--${flagOfPath(issue.path)}: ${issue.message}`).join("\n"),
  );
}

/** Of the files that are given only folders have one; where none is a folder, the first one is told that it is wrong. */
function configFor(path: string, { dataConfig, data, evalData, testData }: TrainFlags): unknown {
  const isFolder = (each: string | undefined) =>
    each !== undefined && statSync(each, { throwIfNoEntry: false })?.isDirectory() === true;
  const hasFolder = [data, evalData, testData].some(isFolder);
  return isFolder(path) || !hasFolder ? dataConfig : undefined;
}

function teacherOf({ teacher: model, teacherMatch: match, teacherWeight: weight }: TrainFlags): object | undefined {
  if (model !== undefined) return { model, match, weight };
  const unused = match === undefined ? (weight === undefined ? null : "--teacher-weight") : "--teacher-match";
  if (unused !== null) throw new SettingsError(`${unused}: it says nothing without --teacher`);
  return undefined;
}

/** The hyper-parameter that a flag is for, by the flag's name or its own. */
function fieldOf(name: string): string {
  return fieldNames.find((field) => flagOf(field) === name.replaceAll("_", "-")) ?? name.replaceAll("-", "_");
}

function flagOfPath(path: readonly PropertyKey[]): string {
  const [first, second] = path;
  if (first === "hyperparameters" && second !== undefined) return flagOf(String(second) as FieldName);
  if (first === "columns") return "column";
  if (first === "name") return "task";
  if (first === "search") return flagOfSearch(path);
  if (first === "teacher") return second === "model" ? "teacher" : `teacher-${String(second)}`;
  return String(first === "head" && second !== undefined ? second : first).replaceAll("_", "-");
}

function pick(flags: TrainFlags, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, flags[name]]));
}
